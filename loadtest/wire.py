"""The bytes of a load run: requests out of templates, and the verdict on an answer. No sockets, no clock.

Headers, metadata and the handshake come from the protocol core; this module only prepares them once, so that a request
costs a few joins of bytes.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from loadtest.sample import Failure
from loadtest.workload import MARKER, NUMBER_MARKER, Operation, check_headers
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.lifecycle import initialize_params, request_meta
from reference_impl.protocol.messages import Notification, Request, encode_json
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.streamable import request_headers

__all__ = [
    "CLIENT_INFO",
    "FIRST_MARKER",
    "Endpoint",
    "Expected",
    "Sign",
    "Template",
    "answer_to_server",
    "initialize",
    "initialized",
    "judge",
    "post",
    "response_id",
]

CLIENT_INFO: Final = {"name": "touchstone-load", "version": "1"}

FIRST_MARKER: Final = 1_000_000_000
"""Markers count from here: ten digits each, so that none is part of another, and they fit 32-bit integers."""


_IN_TARGETS: Final = "/?%:@!$&'()*+,;=-._~"
"""What stands for itself in a request target (RFC 3986, sections 3.3 and 3.4)."""


class Template:
    """An operation, prepared for one revision: `body` makes the message, `headers` what mirrors it on HTTP."""

    __slots__ = ("_method", "_operation", "_parts", "_revision", "fixed_headers", "name")

    def __init__(self, operation: Operation, revision: Revision) -> None:
        self.name = operation.name
        self._operation = operation
        self._revision = revision
        self._method = encode_json(operation.method)
        body = encode_json(_params(operation, revision))
        quoted = encode_json(NUMBER_MARKER)
        self._parts = body.replace(quoted, MARKER.encode()).split(MARKER.encode())
        first, second = (self.headers(FIRST_MARKER + step, None) for step in (0, 1))
        self.fixed_headers = first == second
        """Whether no header depends on the marker, so that one head serves all requests."""

    @property
    def echoes(self) -> bool:
        """Whether the answer must repeat the marker."""
        return self._operation.echoes

    def body(self, request_id: int, marker: int) -> bytes:
        """Return the request as one line of JSON without line end."""
        params = (b"%d" % marker).join(self._parts)
        return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (request_id, self._method, params)

    def headers(self, marker: int, session: str | None) -> dict[str, str]:
        """Return the headers of the POST that carries the message with this marker."""
        params = _substitute(_params(self._operation, self._revision), marker)
        request = Request(1, self._operation.method, params)
        return request_headers(request, self._revision, session=session, schema=self._operation.schema)


def _params(operation: Operation, revision: Revision) -> dict[str, Any]:
    if not revision.modern:
        return operation.params
    meta = operation.params.get("_meta", {}) | request_meta(revision, dict(CLIENT_INFO))
    return operation.params | {"_meta": meta}


def _substitute(value: Any, marker: int) -> Any:
    match value:
        case str():
            return marker if value == NUMBER_MARKER else value.replace(MARKER, str(marker))
        case dict():
            return {key: _substitute(each, marker) for key, each in value.items()}
        case list():
            return [_substitute(each, marker) for each in value]
    return value


def initialize(request_id: int, revision: Revision) -> Request:
    """Return the request that opens a legacy conversation (`basic/lifecycle#initialization`)."""
    return Request(request_id, "initialize", initialize_params(revision, dict(CLIENT_INFO), {}))


def initialized() -> Notification:
    """Return the notification that ends the handshake."""
    return Notification("notifications/initialized")


class Endpoint:
    """A URL as a client needs it: where to connect, and the head of a request."""

    __slots__ = ("_extra", "_start", "host", "port", "tls")

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self.tls = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.tls else 80)
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_TARGETS)
        authority = parts.netloc.rpartition("@")[2]
        self._start = f"POST {path} HTTP/1.1\r\nhost: {authority}\r\n"
        self._extra = {name.lower(): value for name, value in headers.items()}
        check_headers(self._extra)

    def head(self, headers: dict[str, str]) -> bytes:
        """Return the head of a POST as far as the number that `post` adds. The user's headers win over ours."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | self._extra).items())
        return f"{self._start}{lines}content-length: ".encode("latin-1")


def post(head: bytes, body: bytes) -> bytes:
    """Join a head and a body to the bytes of one request."""
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)


class Expected(Struct, frozen=True, gc=False):
    """What marks the answer to a request: its id (value and type), and the marker where the operation echoes it."""

    request_id: int
    marker: bytes | None = None


class Sign(Enum):
    """What a message is to the request that waits."""

    ANSWER = "answer"
    UNRELATED = "unrelated"
    """A notification or a request of the server: the answer is still to come."""


class _Error(Struct, frozen=True):
    code: int
    message: str = ""


class _Reply(Struct, frozen=True):
    id: Any = UNSET
    method: Any = UNSET
    result: Raw | UnsetType = UNSET
    error: _Error | UnsetType | None = UNSET


class _Result(Struct, frozen=True, rename="camel"):
    is_error: bool = False
    result_type: str = "complete"


_reply = msgspec.json.Decoder(_Reply)
_result = msgspec.json.Decoder(_Result)


def judge(data: bytes | str, expected: Expected) -> Failure | Sign:
    """Tell whether a message answers the request: well (`Sign.ANSWER`), badly (`Failure`), or not at all."""
    try:
        reply = _reply.decode(data)
    except (msgspec.DecodeError, UnicodeError) as problem:
        return Failure(ErrorClass.JSON_RPC, "malformed", str(problem))
    if reply.method is not UNSET:
        return Sign.UNRELATED
    if type(reply.id) is not int or reply.id != expected.request_id:
        return _wrong_id(reply, expected)
    if isinstance(reply.error, _Error):
        return Failure(ErrorClass.JSON_RPC, str(reply.error.code), reply.error.message)
    if not isinstance(reply.result, Raw):
        return Failure(ErrorClass.JSON_RPC, "malformed", "the answer has neither result nor error")
    return _judge_result(bytes(reply.result), expected)


def _wrong_id(reply: _Reply, expected: Expected) -> Failure:
    if reply.id in (None, UNSET) and isinstance(reply.error, _Error):
        return Failure(ErrorClass.JSON_RPC, str(reply.error.code), reply.error.message)
    return Failure(ErrorClass.JSON_RPC, "wrong-id", f"asked with id {expected.request_id}, answered with {reply.id!r}")


def _judge_result(result: bytes, expected: Expected) -> Failure | Sign:
    if b"isError" in result or b"resultType" in result:
        try:
            outcome = _result.decode(result)
        except msgspec.DecodeError as problem:
            return Failure(ErrorClass.JSON_RPC, "malformed", str(problem))
        if outcome.is_error:
            return Failure(ErrorClass.IS_ERROR, "", result[:200].decode("utf-8", "replace"))
        if outcome.result_type == "input_required":
            return Failure(ErrorClass.JSON_RPC, "input-required", "the target asks for input, which load does not give")
    if expected.marker is not None and expected.marker not in result:
        return Failure(ErrorClass.JSON_RPC, "foreign-answer", "the answer does not repeat the marker of its request")
    return Sign.ANSWER


class _Envelope(Struct, frozen=True):
    id: Any = None
    method: Any = UNSET


_envelope = msgspec.json.Decoder(_Envelope)


def response_id(line: bytes) -> int | None:
    """Return the id of an answer, where many wait on one channel; None if the line is none or its id is not ours."""
    try:
        envelope = _envelope.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return envelope.id if envelope.method is UNSET and type(envelope.id) is int else None


def answer_to_server(data: bytes | str) -> bytes | None:
    """Return the answer to a request that the server sent us, or None where the message asks for none.

    A legacy server may ping at any time and must be answered (`basic/utilities/ping`); nothing else was declared.
    """
    try:
        message = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        return None
    if not isinstance(message, dict) or "method" not in message or message.get("id") is None:
        return None
    envelope = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "ping":
        return encode_json(envelope | {"result": {}})
    return encode_json(envelope | {"error": {"code": -32601, "message": "Method not found"}})
