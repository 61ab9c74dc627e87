"""One check on one peer: what it raises side by side, and whose traffic is whose."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.attempt import run_monitor
from conformance.check import Sharing
from conformance.expect import Blocked, Mismatch
from conformance.peer import Peer
from conformance.transcript import Conversation

from .scripted import Scripted, judged, make_check, make_monitor


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        ([Mismatch("a", "b"), Blocked("c")], "failed"),
        ([Blocked("c"), Mismatch("a", "b")], "failed"),
        ([Mismatch("a", "b"), ValueError("ours")], "broken"),
        ([ExceptionGroup("inner", [Blocked("c")])], "blocked"),
    ],
)
def test_of_several_things_the_gravest_is_the_outcome(raised: list[Exception], outcome: str) -> None:
    async def body(peer: Peer) -> None:
        raise ExceptionGroup("side by side", raised)

    assert judged(Scripted(), [make_check(body, sharing=Sharing.FRESH)])["it"].outcome == outcome


def test_entries_belong_to_the_check_that_speaks_though_others_speak_too() -> None:
    turns: list[Peer] = []

    def speaking(method: str) -> Any:
        async def body(peer: Peer) -> None:
            turns.append(peer)
            await anyio.wait_all_tasks_blocked()
            await peer.request(method)
            raise Mismatch("evidence", method)

        return body

    # Alone each has its own conversation; what counts is that neither shows the other's entries.
    verdicts = judged(Scripted(), [make_check(speaking("one"), "one"), make_check(speaking("two"), "two")])
    for name, other in (("one", "two"), ("two", "one")):
        texts = " ".join(entry.text for entry in verdicts[name].evidence)
        assert f'"{name}"' in texts
        assert f'"{other}"' not in texts


def test_a_monitor_that_is_blocked_on_one_conversation_may_pass_on_another() -> None:
    def body(conversation: Conversation) -> Any:
        if conversation.purpose == "dull":
            raise Blocked("nothing here")
        yield None

    dull, lively = Conversation("memory", "dull"), Conversation("memory", "lively")
    monitor = make_monitor(body)
    assert run_monitor(monitor, [dull]).summary == "nothing here"
    assert run_monitor(monitor, [dull, lively]).outcome == "passed"
