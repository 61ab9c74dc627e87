"""What a client says in several sessions, or over several connections, is told apart where it goes on side by side."""

from __future__ import annotations

from typing import Any

from conformance.clients.said import side_by_side
from conformance.clients.strands import strands
from conformance.transcript import Conversation, Direction, HttpHead

RECEIVED, SENT, PROCESS = Direction.RECEIVED, Direction.SENT, Direction.PROCESS


def ask(identifier: int, method: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method}


def over_stdio(*said: tuple[int, str]) -> Conversation:
    conversation = Conversation("stdio", "plain", "2025-11-25")
    for number, method in said:
        conversation.record(RECEIVED, b"", ask(1, method), connection=number)
    conversation.record(PROCESS, b"exit status 0")
    return conversation


def methods(conversation: Conversation) -> list[str]:
    return [entry.value["method"] for entry in conversation.received()]


def test_one_server_after_the_other_is_one_conversation() -> None:
    conversation = over_stdio((1, "initialize"), (1, "tools/list"), (2, "initialize"))
    assert strands(conversation) == [conversation]


def test_servers_side_by_side_are_a_conversation_each_with_the_end_of_the_client() -> None:
    found = strands(over_stdio((1, "initialize"), (2, "initialize"), (1, "tools/list"), (2, "ping")))
    assert [methods(item) for item in found] == [["initialize", "tools/list"], ["initialize", "ping"]]
    assert [item.entries[-1].data for item in found] == [b"exit status 0"] * 2
    assert all(entry.index == place for item in found for place, entry in enumerate(item.entries))


def over_http(*said: tuple[str, str | None, str | None]) -> Conversation:
    """Exchanges: a method, the session that came with it, and the one that was given."""
    conversation = Conversation("http", "plain", "2025-11-25")
    for number, (method, session, given) in enumerate(said, 1):
        asked = () if session is None else (("mcp-session-id", session),)
        told = () if given is None else (("mcp-session-id", given),)
        head = HttpHead("POST /mcp HTTP/1.1", asked)
        conversation.record(RECEIVED, b"", ask(1, method), exchange=number, head=head)
        answered = {"jsonrpc": "2.0", "id": 1, "result": {}}
        conversation.record(SENT, b"", answered, exchange=number, head=HttpHead("HTTP/1.1 200 OK", told, 200))
    return conversation


def test_a_session_begins_with_the_initialize_that_it_was_given_for() -> None:
    found = strands(
        over_http(
            ("server/discover", None, None),
            ("initialize", None, "a"),
            ("initialize", None, "b"),
            ("tools/list", "a", None),
            ("tools/list", "b", None),
        )
    )
    assert [methods(item) for item in found] == [
        ["initialize", "tools/list"],
        ["initialize", "tools/list"],
        ["server/discover"],
    ]


def test_a_session_after_a_lost_one_is_of_the_same_conversation() -> None:
    conversation = over_http(("initialize", None, "a"), ("tools/list", "a", None), ("initialize", None, "b"))
    assert strands(conversation) == [conversation]


def test_streams_of_events_are_told_apart_by_the_addresses_that_they_name() -> None:
    conversation = Conversation("sse", "plain", "2025-11-25")
    addresses = ("/messages?session_id=1", "/messages?session_id=2")
    for number, address in enumerate(addresses, 1):
        conversation.record(SENT, f"event: endpoint\ndata: {address}\n\n".encode(), exchange=number)
    for number, address in enumerate(addresses * 2, 3):
        head = HttpHead(f"POST {address} HTTP/1.1", ())
        conversation.record(RECEIVED, b"", ask(number, "ping"), exchange=number, head=head)
    found = strands(conversation)
    assert [[entry.value["id"] for entry in item.received()] for item in found] == [[3, 5], [4, 6]]


def test_who_begins_again_with_the_same_words_and_id_seems_to_be_there_twice() -> None:
    assert side_by_side(over_stdio((0, "tools/list"), (0, "tools/call"), (0, "tools/list")))
    assert not side_by_side(over_stdio((0, "tools/list"), (0, "tools/call")))
    assert not side_by_side(over_stdio())
