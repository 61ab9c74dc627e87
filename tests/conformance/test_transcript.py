"""What went over the wire, as it was."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.transcript import NO_JSON, Conversation, Direction, HttpHead, owner


def test_entries_are_numbered_timed_and_owned_by_whoever_speaks() -> None:
    conversation = Conversation("memory", "test")
    speaking = owner.set("me")
    first = conversation.record(Direction.SENT, b"{}", {})
    second = conversation.record(Direction.RECEIVED, b"x", owned_by="the target")
    owner.reset(speaking)
    third = conversation.record(Direction.PROCESS, b"gone")
    assert [entry.index for entry in (first, second, third)] == [0, 1, 2]
    assert first.at <= second.at <= third.at
    assert [entry.owner for entry in conversation.entries] == ["me", "the target", None]
    assert conversation.owned_by("me") == [first]
    assert list(conversation.sent()) == [first]
    assert list(conversation.received()) == [second]


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ({"id": 1, "method": "x"}, "request"),
        ({"id": None, "method": "x"}, "request"),
        ({"method": "x"}, "notification"),
        ({"id": 1, "result": {}}, "response"),
        ({"error": {}}, "response"),
        ({"id": 1, "method": "x", "result": {}}, "request"),
        ({"id": 1}, ""),
        ([], ""),
        (NO_JSON, ""),
        (None, ""),
    ],
)
def test_a_message_is_of_one_kind_at_most(value: Any, kinds: str) -> None:
    entry = Conversation("memory", "test").record(Direction.RECEIVED, b"", value)
    found = [
        name
        for name, holds in (
            ("request", entry.is_request()),
            ("notification", entry.is_notification()),
            ("response", entry.is_response()),
        )
        if holds
    ]
    assert " ".join(found) == kinds


def test_a_head_gives_the_first_value_of_a_header() -> None:
    head = HttpHead("HTTP/1.1 200", (("a", "1"), ("a", "2")), 200)
    assert (head.get("a"), head.get("b")) == ("1", None)
