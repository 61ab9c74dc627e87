"""Judges of how a client takes up again a stream that ended before it had brought the answer."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import judge
from conformance.clients.said import http_method
from conformance.clients.scenarios.broken_stream import EVENT_ID, RETRY
from conformance.expect import Blocked, Mismatch
from conformance.transcript import Conversation, Entry

_SCENARIO = "broken-stream"


def _broken(conversation: Conversation) -> Entry:
    """The event after which the stream ended. Raises `Blocked`."""
    event = next((entry for entry in conversation.sent() if EVENT_ID.encode() in entry.data), None)
    if event is None:
        raise Blocked("the client called no tool")
    return event


def _gets(conversation: Conversation) -> list[Entry]:
    return [entry for entry in conversation.received() if http_method(entry) == "GET"]


def _given(entry: Entry) -> str | None:
    return entry.head.get("last-event-id") if entry.head is not None else None


@judge("client.resume-id", "http.resume.last-event-id", scenario=_SCENARIO)
def resume_id(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client takes a stream up again by GET with the id of the last event in Last-Event-ID."""
    broken = _broken(conversation)
    later = [entry for entry in _gets(conversation) if entry.index > broken.index]
    if any(_given(entry) == EVENT_ID for entry in later):
        yield None
        return
    wrong = next((entry for entry in later if _given(entry) is not None), None)
    # A GET without the header may open the stream for what belongs to no request: where it was refused before, no more.
    plain = later[0] if later and len(later) < len(_gets(conversation)) else None
    came = wrong or plain
    if came is None:
        raise Blocked("the client did not come back for the rest of the stream")
    yield Mismatch(f"last-event-id: {EVENT_ID}", _given(came) or "no such header", [broken.index, came.index])


@judge("client.resume-polls", "http.resume.polls", scenario=_SCENARIO)
def resume_polls(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client whose stream was closed before the answer came connects again for the rest."""
    broken = _broken(conversation)
    later = any(entry.index > broken.index for entry in _gets(conversation))
    yield None if later else Mismatch("a GET for the rest of the stream", "none", [broken.index])


@judge("client.resume-delay", "http.resume.retry-delay", scenario=_SCENARIO)
def resume_delay(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that was given a retry field lets that time pass before it connects again."""
    broken = _broken(conversation)
    resumed = next((entry for entry in _gets(conversation) if _given(entry) == EVENT_ID), None)
    if resumed is None:
        raise Blocked("the client did not come back for the rest of the stream")
    waited = (resumed.at - broken.at) * 1000
    fine = waited >= RETRY - 2  # clocks differ in what they round
    yield None if fine else Mismatch(f"at least {RETRY} ms", f"{waited:.0f} ms", [broken.index, resumed.index])
