"""Transcripts seen as exchanges."""

from __future__ import annotations

from conformance.http_exchanges import exchanges
from conformance.transcript import Conversation, Direction, HttpBody, HttpHead


def _post(session: str | None = None, **more: str) -> HttpHead:
    headers = {**more, **({} if session is None else {"mcp-session-id": session})}
    return HttpHead("POST /mcp HTTP/1.1", tuple(headers.items()))


def _reply(**headers: str) -> HttpHead:
    return HttpHead("HTTP/1.1 200", tuple((name.replace("_", "-"), value) for name, value in headers.items()), 200)


def test_what_crosses_on_two_connections_is_told_apart_by_exchange() -> None:
    conversation = Conversation("http", "test")
    conversation.record(Direction.SENT, b"1", {"id": 1}, exchange=1, head=_post())
    conversation.record(Direction.SENT, b"2", {"id": 2}, exchange=2, head=_post())
    conversation.record(Direction.RECEIVED, b"", exchange=2, head=_reply())
    conversation.record(Direction.RECEIVED, b"", exchange=1, head=_reply())
    conversation.record(Direction.RECEIVED, b"B", {"id": 2}, exchange=2)
    conversation.record(Direction.RECEIVED, b"A", {"id": 1}, exchange=1)
    found = exchanges(conversation)
    assert [[entry.data for entry in exchange.messages] for exchange in found] == [[b"A"], [b"B"]]


def test_a_request_without_a_reply_is_no_exchange() -> None:
    conversation = Conversation("http", "test")
    conversation.record(Direction.SENT, b"1", exchange=1, head=_post())
    assert exchanges(conversation) == []


def test_an_exchange_belongs_to_the_session_it_names_or_opens() -> None:
    conversation = Conversation("http", "test")
    conversation.record(Direction.SENT, b"1", exchange=1, head=_post())
    conversation.record(Direction.RECEIVED, b"", exchange=1, head=_reply(mcp_session_id="new"))
    conversation.record(Direction.SENT, b"2", exchange=2, head=_post("named"))
    conversation.record(Direction.RECEIVED, b"", exchange=2, head=_reply())
    assert [exchange.session for exchange in exchanges(conversation)] == ["new", "named"]


def test_a_doubled_content_type_is_read_by_its_first() -> None:
    conversation = Conversation("http", "test")
    conversation.record(Direction.SENT, b"1", exchange=1, head=_post())
    conversation.record(
        Direction.RECEIVED, b"", exchange=1, head=_reply(content_type="text/event-stream, application/json")
    )
    assert exchanges(conversation)[0].streams


def test_facts_about_the_body_come_from_the_conversation() -> None:
    conversation = Conversation("http", "test")
    conversation.record(Direction.SENT, b"1", exchange=1, head=_post())
    conversation.record(Direction.RECEIVED, b"", exchange=1, head=_reply())
    conversation.bodies[1] = HttpBody(ended=True, lingered=False)
    assert exchanges(conversation)[0].body.ended
