"""Monitors of streams that a server ends before the response, which the client then fetches by coming back
(`basic/transports#sending-messages-to-the-server`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.check import monitor
from conformance.expect import Mismatch
from conformance.http_exchanges import Exchange, exchanges
from conformance.transcript import Conversation


def _streams(conversation: Conversation) -> Iterator[tuple[Exchange, bool]]:
    """Each stream that answered a POST and came to its end, and whether the response came later, on another one.

    One whose response never came is for the check to tell that asked for it.
    """
    view = exchanges(conversation)
    for exchange in filter(_came_to_its_end, view):
        if _answers(exchange, exchange):
            yield exchange, False
        elif any(_answers(later, exchange) for later in view if later.resumes):
            yield exchange, True


def _came_to_its_end(exchange: Exchange) -> bool:
    """Whether it is the stream that answers a request, all of it."""
    ended = exchange.streams and exchange.body.ended
    return exchange.method == "POST" and ended and exchange.sent.is_request() and not exchange.sent.defect


def _answers(exchange: Exchange, asked: Exchange) -> bool:
    identifier = asked.sent.value["id"]
    return any(entry.is_response() and entry.value.get("id") == identifier for entry in exchange.messages)


@monitor("http.stream-open", "http.stream.open-until-answered")
def stream_open(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A stream that answers a request is not ended before the response."""
    for exchange, cut in _streams(conversation):
        actual = "the end of the stream, and the response when it was resumed"
        yield Mismatch("a stream that brings the response", actual, exchange.evidence) if cut else None


@monitor("http.stream-retry", "http.stream.retry")
def stream_retry(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A connection that is closed before the response told first, by a retry field, when to come back."""
    for exchange, cut in _streams(conversation):
        if cut:
            told = any(mark.retry is not None for mark in exchange.body.events)
            actual = "the end of the stream, and no retry field in any event"
            wanted = "a retry field before the connection is closed"
            yield None if told else Mismatch(wanted, actual, exchange.evidence)


@monitor("http.stream-response", "http.stream.response")
def stream_response(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A stream that answers a request brings the response, if only once it is resumed."""
    view = exchanges(conversation)
    resumed, left = [exchange for exchange in view if exchange.resumes], _taken_back(view)
    for exchange in filter(_came_to_its_end, view):
        if exchange.sent.value["id"] in left.requests or exchange.session in left.sessions:
            continue
        later = [other for other in resumed if other.session == exchange.session]
        fine = any(_answers(other, exchange) for other in (exchange, *later))
        if fine or not _may_go_on(exchange):
            wanted, actual = "the response to the request on its stream", "the end of the stream without it"
            yield None if fine else Mismatch(wanted, actual, exchange.evidence)


def _may_go_on(exchange: Exchange) -> bool:
    """Whether the server said where to take the stream up: a conversation may end before anybody did, or before the
    response was there, and a call that stayed without it tells so itself."""
    return any(mark.id for mark in exchange.body.events)


@dataclass(frozen=True, slots=True)
class _TakenBack:
    """The ids of requests, and the sessions, whose responses nobody waits for any more."""

    requests: list[object]
    sessions: set[str | None]


def _taken_back(view: list[Exchange]) -> _TakenBack:
    """Return the requests that were cancelled, and the sessions that a check has ended."""
    told = [other.sent.value.get("params") for other in view if other.sent.is_notification()]
    cancelled = [params["requestId"] for params in told if isinstance(params, dict) and "requestId" in params]
    ended = {other.session for other in view if other.method == "DELETE" and other.sent.owner is not None}
    return _TakenBack(cancelled, ended)
