"""Monitors of streams that a server ends before the response, which the client then fetches by coming back
(`basic/transports#sending-messages-to-the-server`)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import monitor
from conformance.expect import Mismatch
from conformance.http_exchanges import Exchange, exchanges
from conformance.transcript import Conversation


def _streams(conversation: Conversation) -> Iterator[tuple[Exchange, bool]]:
    """Each stream that answered a POST and came to its end, and whether the response came later, on another one.

    One whose response never came is for the check to tell that asked for it.
    """
    view = exchanges(conversation)
    for exchange in view:
        if exchange.method != "POST" or not exchange.streams or not exchange.body.ended or exchange.sent.defect:
            continue
        if not exchange.sent.is_request():
            continue
        if _answers(exchange, exchange):
            yield exchange, False
        elif any(_answers(later, exchange) for later in view if later.resumes):
            yield exchange, True


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
