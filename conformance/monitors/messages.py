"""Monitors of the envelope: ids, results, errors and codes, whatever the method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief, literal
from conformance.monitors.traffic import Asked, Key, answers, key, messages, requests, responses, revision_of
from conformance.transcript import NO_JSON, Conversation, Direction, Entry
from reference_impl.protocol.errors import Code, reserved_but_undefined

_ID_CHECKS = "base.id."
"""Checks that judge the id of their own answers: one defect stays one finding."""


@monitor("base.response-ids", "base.response.id-echo", "base.response.id-echo-legacy")
def response_ids(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every response carries the id of a request that was sent before it."""
    statuses = _statuses(conversation)
    judged = [asked for asked in requests(conversation) if (asked.entry.owner or "").startswith(_ID_CHECKS)]
    known: set[Key] = set()
    for entry in conversation.entries:
        if entry.direction is Direction.SENT:
            known |= {key(message["id"]) for message in messages(entry) if "method" in message and "id" in message}
            continue
        if _excused(entry) or statuses.get(entry.exchange, 200) >= 400 or any(asked.open_at(entry) for asked in judged):
            continue
        for message in answers(entry):
            if message.get("id") is not None:
                fine = key(message["id"]) in known
                yield None if fine else Mismatch("the id of a request", literal(message["id"]), [entry.index])
    yield from _lost_ids(conversation, statuses)


def _lost_ids(conversation: Conversation, statuses: dict[int, int]) -> Iterator[Mismatch]:
    asked = requests(conversation)
    for entry in _without_id(conversation, statuses):
        if lost := _unanswered(conversation, asked, entry):
            actual = f"an answer without it: {brief(entry.value)}"
            yield Mismatch(f"the id {brief(lost[0].message['id'])}", actual, [lost[0].entry.index, entry.index])


@monitor("base.notification-silence", "base.notification.no-response")
def notification_silence(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A notification gets no response."""
    asked = requests(conversation)
    over_http = conversation.transport == "http"
    told = [
        entry
        for entry in conversation.sent()
        if entry.defect is None and any("method" in message and "id" not in message for message in messages(entry))
    ]
    # The reply to a POST is judged with its status; a stream that GET opened is no place for a response either.
    replies = {entry.exchange for entry in conversation.sent() if entry.data} if over_http else set()
    for entry in _without_id(conversation, _statuses(conversation)):
        if entry.exchange in replies:
            continue
        before = [notification.index for notification in told if notification.index < entry.index]
        if before and not _unanswered(conversation, asked, entry):
            yield Mismatch("no response to a notification", brief(entry.value), [before[-1], entry.index])
    yield from (None for _ in told)


def _statuses(conversation: Conversation) -> dict[int, int]:
    """The HTTP status of each exchange. A refusal on the level of HTTP may not have read the message at all."""
    return {entry.exchange: entry.head.status for entry in conversation.received() if entry.head and entry.head.status}


def _excused(entry: Entry) -> bool:
    return entry.defect is not None or (entry.owner or "").startswith(_ID_CHECKS)


def _without_id(conversation: Conversation, statuses: dict[int, int]) -> Iterator[Entry]:
    """Responses without an id that nothing unreadable accounts for (`basic/index#error-responses`)."""
    spoiled = [entry.index for entry in conversation.sent() if entry.defect is not None or _no_message(entry)]
    first = min(spoiled, default=len(conversation.entries))
    for entry, message in responses(conversation):
        unreadable = entry.index > first and conversation.transport != "http"
        refused = statuses.get(entry.exchange, 200) >= 400
        if message.get("id") is None and not (unreadable or refused or _excused(entry)):
            yield entry


def _no_message(entry: Entry) -> bool:
    return bool(entry.data) and (entry.value is NO_JSON or not isinstance(entry.value, dict | list))


def _unanswered(conversation: Conversation, asked: tuple[Asked, ...], entry: Entry) -> list[Asked]:
    """The requests that a response without id may have been meant for: not those we took back or spoiled."""
    cancelled = {
        key((message.get("params") or {}).get("requestId"))
        for sent in conversation.sent()
        for message in messages(sent)
        if message.get("method") == "notifications/cancelled"
    }
    return [
        request
        for request in asked
        if request.answer is None
        and request.entry.defect is None
        and request.entry.index < entry.index
        and key(request.message["id"]) not in cancelled
        and (conversation.transport != "http" or request.entry.exchange == entry.exchange)
    ]


@monitor("base.one-response", "base.response.one")
def one_response(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request gets one response, not several."""
    allowed: Counter[tuple[int, Key]] = Counter()
    for request in requests(conversation):
        allowed[(request.entry.exchange, key(request.message["id"]))] += 1
    seen: Counter[tuple[int, Key]] = Counter()
    for entry, message in responses(conversation):
        place = (entry.exchange, key(message.get("id")))
        if message.get("id") is None or _excused(entry):
            continue
        seen[place] += 1
        if seen[place] > max(1, allowed[place]):
            yield Mismatch(f"one response to request {brief(message['id'])}", "another response to it", [entry.index])
        else:
            yield None


@monitor(
    "base.response-shape",
    "base.response.result-or-error",
    "base.response.result-or-error-legacy",
    "base.response.not-both",
    "base.error.members",
    "base.error.members-legacy",
)
def response_shape(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A response has a result object or an error with an integer code and a message, not both."""
    for entry, message in responses(conversation):
        wrong = _misshapen(message)
        yield Mismatch(wrong, brief(message), [entry.index]) if wrong else None


def _misshapen(message: dict[str, Any]) -> str | None:
    """Return what was expected of a response, or None if it is as it must be."""
    if "result" in message and "error" in message:
        return "a result or an error, not both"
    if "result" in message:
        return None if isinstance(message["result"], dict) else "a result that is an object"
    error = message["error"]
    if not isinstance(error, dict):
        return "an error that is an object"
    if key(error.get("code"))[0] != "int":
        return "an error code that is an integer"
    return None if isinstance(error.get("message"), str) else "an error with a message, a string"


@monitor("base.version-member", "base.message.json-rpc")
def version_member(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every message says that it is JSON-RPC 2.0."""
    for entry in conversation.received():
        for message in messages(entry):
            if message.keys() & {"method", "result", "error"}:
                fine = message.get("jsonrpc") == "2.0"
                yield None if fine else Mismatch('"jsonrpc": "2.0"', brief(message), [entry.index])


@monitor("base.notification-ids", "base.notification.no-id")
def notification_ids(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A notification carries no id."""
    for entry in conversation.received():
        for message in messages(entry):
            if str(message.get("method", "")).startswith("notifications/"):
                yield Mismatch("a notification without id", brief(message), [entry.index]) if "id" in message else None


_RETIRED = frozenset({Code.RESOURCE_NOT_FOUND, Code.URL_ELICITATION_REQUIRED})


@monitor("base.error-codes", "base.error.reserved-codes")
def error_codes(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Error codes of the specification's own range are those it defines, where they can occur."""
    revision = revision_of(conversation)
    if revision is None or not revision.modern:
        return
    for entry, message in responses(conversation):
        error = message.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int):
            # Headers exist over HTTP only, so that their mismatch elsewhere cannot be meant.
            stray = code == Code.HEADER_MISMATCH and conversation.transport != "http"
            wrong = reserved_but_undefined(code) or code in _RETIRED or stray
            yield Mismatch("a code that this revision defines", brief(error), [entry.index]) if wrong else None


@monitor("base.utf-8", "base.encoding.utf-8")
def utf_8(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Everything received is UTF-8."""
    statuses = _statuses(conversation)
    for entry in conversation.received():
        if entry.data and entry.direction is Direction.RECEIVED and statuses.get(entry.exchange, 200) < 400:
            try:
                entry.data.decode("utf-8")
            except UnicodeDecodeError as error:
                shown = entry.data[max(0, error.start - 20) : error.end + 20]
                yield Mismatch("UTF-8", f"byte {error.object[error.start]:#04x} in {shown!r}", [entry.index])
            else:
                yield None
