"""Monitors of Streamable HTTP: statuses, content types, streams and headers of every exchange."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.http_exchanges import Exchange, exchanges
from conformance.transcript import Conversation, Entry
from reference_impl.protocol.methods import NAMED_BY
from reference_impl.protocol.revisions import LATEST
from reference_impl.protocol.streamable import JSON_TYPE, PROTOCOL_VERSION, SESSION_ID, SSE_TYPE

_SINGLE = ("content-type", "content-length", SESSION_ID, "location")
"""Headers that make no sense twice (RFC 9110, 5.3)."""
_READ = {-32601, -32602, -32020, -32021, -32022}
"""Codes that nobody can give who has not read the request; a refusal of Origin or session may come before that."""
_STATUS = {-32020: 400, -32021: 400, -32022: 400, -32601: 404}
"""HTTP statuses of error codes (2026-07-28 `basic/index#error-codes`)."""
_TRACES = (
    rb"Traceback \(most recent call last\)",
    rb"\n\s+at .+ ?\(?(?:file://|/|[A-Z]:\\).+:\d+:\d+",
    rb"(?:&nbsp;|\s)at .{1,200}:\d+:\d+\)?<br",
    rb"goroutine \d+ \[running\]",
    rb"\n\s+at [\w.$]+\([\w]+\.java:\d+\)",
)
"""How stack traces of common languages look, in JSON, text and HTML."""


@monitor("http.reply-content-type", "http.reply.content-type")
def reply_content_type(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request that is served is answered as one JSON object or as a stream of events, and labelled so."""
    for exchange in exchanges(conversation):
        if exchange.sent.is_request() and exchange.sent.defect is None and exchange.accepted:
            right = exchange.media_type in (JSON_TYPE, SSE_TYPE)
            yield None if right else Mismatch(f"{JSON_TYPE} or {SSE_TYPE}", exchange.describe(), exchange.evidence)


@monitor("http.notification-202", "http.notification.accepted", "http.notification.refused")
def notification_202(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A posted notification or response gets 202 and an empty body, or an HTTP error status."""
    for exchange in exchanges(conversation):
        # What a server does with a response in the modern era, where clients send none, no sentence says.
        response = exchange.sent.is_response() and conversation.revision != LATEST.name
        if exchange.sent.is_notification() or response:
            right = exchange.status >= 400 or (exchange.status == 202 and not exchange.messages)
            wanted = "HTTP 202 with an empty body, or an error status"
            yield None if right else Mismatch(wanted, exchange.describe(), exchange.evidence)


@monitor("http.stream-ends", "http.stream.ends")
def stream_ends(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The stream that answers a request ends once it has brought the response."""
    answered = [
        exchange
        for exchange in exchanges(conversation)
        if exchange.streams and any(entry.is_response() for entry in exchange.messages)
    ]
    lingering = [exchange for exchange in answered if exchange.body.lingered]
    # One stream that was slow to end may be the machine's fault; that most are is the server's.
    for exchange in answered:
        wrong = exchange.body.lingered and 2 * len(lingering) > len(answered)
        actual = f"a stream still open a second later ({len(lingering)} of {len(answered)} streams)"
        yield Mismatch("a stream that ends with its response", actual, exchange.evidence) if wrong else None


@monitor("http.stream-priming", "http.stream.priming")
def stream_priming(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A stream whose events have ids begins with an event that has an id and no data."""
    for exchange in exchanges(conversation):
        # A request that names no version, or an older one, is answered by the rules of that.
        current = exchange.method == "POST" and exchange.named(PROTOCOL_VERSION) == conversation.revision
        marks = exchange.body.events
        if exchange.streams and current and any(mark.id for mark in marks):
            right = bool(marks[0].id) and not marks[0].data
            actual = f"id {marks[0].id!r}, {'with' if marks[0].data else 'without'} data"
            yield None if right else Mismatch("a first event with an id and empty data", actual, exchange.evidence)


@monitor("http.stream-related", "http.stream.related", "http.stream.related-legacy")
def stream_related(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Progress reported on a request's stream is not that of another request."""
    view = exchanges(conversation)
    asked = [_token(exchange.sent.value.get("params"), "_meta") for exchange in view if exchange.sent.is_request()]
    for exchange in view:
        own = _token(exchange.sent.value.get("params"), "_meta") if exchange.sent.is_request() else None
        for entry in exchange.messages if exchange.sent.is_request() else ():
            token = _progress_of(entry)
            if token is not None:
                wrong = token != own and token in asked
                wanted = f"progress for the token {brief(own)} of the request on whose stream it is"
                evidence = [exchange.sent.index, entry.index]
                yield Mismatch(wanted, f"token {brief(token)} of another request", evidence) if wrong else None


def _token(value: Any, *path: str) -> Any:
    for step in (*path, "progressToken"):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _progress_of(entry: Entry) -> Any:
    """Return the token of a progress notification, or None."""
    is_progress = entry.is_notification() and entry.value["method"] == "notifications/progress"
    return _token(entry.value.get("params")) if is_progress else None


@monitor("http.stream-unbuffered", "http.stream.unbuffered")
def stream_unbuffered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A reply that streams tells proxies not to buffer it, with X-Accel-Buffering: no."""
    for exchange in exchanges(conversation):
        if exchange.streams and exchange.accepted:
            value = exchange.header("x-accel-buffering")
            right = value is not None and value.strip().lower() == "no"
            yield None if right else Mismatch("X-Accel-Buffering: no", value or "no such header", exchange.evidence)


@monitor("http.event-ids-unique", "http.event.unique")
def event_ids_unique(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No two events of a session have the same id, save those that a resumed stream repeats."""
    seen: dict[tuple[str | None, str], Exchange] = {}
    for exchange in exchanges(conversation):
        for mark in exchange.body.events if exchange.streams and not exchange.resumes else ():
            if not mark.id:
                continue
            first = seen.setdefault((exchange.session, mark.id), exchange)
            # An event that only repeats the id in force before carries no message of its own.
            if first is exchange and sum(other.id == mark.id and other.data for other in exchange.body.events) < 2:
                yield None
            else:
                actual = f"id {mark.id!r} twice"
                yield Mismatch("an id for each event", actual, [*first.evidence, *exchange.evidence])


@monitor("http.no-broadcast", "http.stream.no-broadcast", "http.stream.one")
def no_broadcast(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No request or progress report of the server comes on two streams of a session."""
    seen: dict[tuple[str | None, str], Exchange] = {}
    for exchange in exchanges(conversation):
        for entry in exchange.messages if exchange.streams and not exchange.resumes else ():
            identity = _identity(entry)
            if identity is None:
                continue
            first = seen.setdefault((exchange.session, identity), exchange)
            # Two calls may well use one progress token after each other; a GET stream belongs to no call.
            right = first is exchange or (entry.is_notification() and "GET" not in (first.method, exchange.method))
            evidence = [first.sent.index, exchange.sent.index, entry.index]
            yield None if right else Mismatch("each message on one stream", f"{identity} on two", evidence)


def _identity(entry: Entry) -> str | None:
    """Return what tells a message of the server from all others, or None."""
    if entry.is_request() and entry.value["id"] is not None:
        return f"the request with id {brief(entry.value['id'])}"
    token = _progress_of(entry)
    return None if token is None else f"progress {brief(entry.value['params'])}"


@monitor("http.session-id-visible", "http.session.visible-ascii")
def session_id_visible(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A session id consists of visible ASCII characters."""
    for exchange in exchanges(conversation):
        value = exchange.header(SESSION_ID)
        if value is not None:
            right = value != "" and all(0x21 <= ord(character) <= 0x7E for character in value)
            yield None if right else Mismatch("characters from 0x21 to 0x7E", repr(value), exchange.evidence)


@monitor("http.error-id", "http.error.id")
def error_id(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A JSON-RPC error that comes with an HTTP error status carries the id of the request that it refuses."""
    for exchange, error in _errors(conversation):
        if exchange.status >= 400 and error.value["error"].get("code") in _READ:
            wanted, given = exchange.sent.value["id"], error.value.get("id")
            right = type(given) is type(wanted) and given == wanted
            yield None if right else Mismatch(f"id {brief(wanted)}", f"id {brief(given)}", exchange.evidence)


def _errors(conversation: Conversation) -> Iterator[tuple[Exchange, Entry]]:
    """Requests with a proper id that were answered with a JSON-RPC error as the whole body."""
    for exchange in exchanges(conversation):
        if exchange.sent.is_request() and type(exchange.sent.value["id"]) in (int, str) and not exchange.streams:
            for entry in exchange.messages:
                if entry.is_response() and isinstance(entry.value.get("error"), dict):
                    yield exchange, entry


@monitor("http.error-status", "http.status.bad-request", "http.status.not-found")
def error_status(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An error that the specification gives an HTTP status comes with that status."""
    for exchange, error in _errors(conversation):
        code = error.value["error"].get("code")
        wanted = _STATUS.get(code) if isinstance(code, int) else None
        # For want of a tool or prompt the code is wrong, and another's finding; the status goes with methods alone.
        if wanted is not None and not (code == -32601 and exchange.sent.value["method"] in NAMED_BY):
            expected = f"HTTP {wanted} with error {code}"
            yield None if exchange.status == wanted else Mismatch(expected, exchange.describe(), exchange.evidence)


@monitor("http.error-page", "http.error.page")
def error_page(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An error reply is no HTML page, which programs cannot read."""
    for exchange in exchanges(conversation):
        if exchange.status >= 400:
            right = exchange.media_type != "text/html"
            yield None if right else Mismatch("JSON, plain text or nothing", exchange.describe(), exchange.evidence)


@monitor("http.no-redirect", "http.redirect", "http.endpoint")
def no_redirect(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The endpoint serves at its own address and redirects nobody."""
    for exchange in exchanges(conversation):
        right = not 300 <= exchange.status < 400
        actual = f"HTTP {exchange.status} to {exchange.header('location')}"
        mismatch = Mismatch("an answer at the address that was given", actual, exchange.evidence)
        mismatch.breaks = "http.endpoint" if exchange.method == "POST" else "http.redirect"
        yield None if right else mismatch


@monitor("http.headers-once", "http.header.once")
def headers_once(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A reply has one content type, one length and one session id, not several."""
    for exchange in exchanges(conversation):
        headers = exchange.reply.head.headers if exchange.reply.head else ()
        twice = [name for name in _SINGLE if sum(key == name for key, _ in headers) > 1]
        joined = "," in (exchange.header("content-type") or "").partition(";")[0]
        right = not twice and not joined
        actual = f"{twice[0]} twice" if twice else f"content-type: {exchange.header('content-type')}"
        yield None if right else Mismatch("each of these headers once", actual, exchange.evidence)


@monitor("http.error-disclosure", "http.error.disclosure")
def error_disclosure(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An error reply holds no stack trace."""
    for exchange in exchanges(conversation):
        if exchange.status >= 400:
            body = b" ".join(entry.data for entry in exchange.messages).replace(b"\\n", b"\n")
            found = next((match for trace in _TRACES if (match := re.search(trace, body))), None)
            shown = found[0].decode("utf-8", "replace").strip() if found else ""
            yield Mismatch("an error without a stack trace", shown, exchange.evidence) if found else None
