"""The bytes of a load run: requests out of templates, and the verdict on an answer. No sockets, no clock.

Headers, metadata and the handshake come from the protocol core; this module only prepares them once, so that a request
costs a few joins of bytes.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from loadtest.incoming import answer_to_server, response_id
from loadtest.sample import Failure
from loadtest.workload import MARKER, NUMBER_MARKER, Operation, check_headers
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.lifecycle import initialize_params, request_meta
from reference_impl.protocol.messages import Notification, Request, encode, encode_json
from reference_impl.protocol.methods import NAMED_BY
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.streamable import request_headers

__all__ = [
    "CLIENT_INFO",
    "FIRST_MARKER",
    "Endpoint",
    "Expected",
    "Message",
    "Prepared",
    "Sign",
    "Template",
    "answer_to_server",
    "discover",
    "initialize",
    "initialized",
    "judge",
    "listen_request",
    "post",
    "response_id",
]

CLIENT_INFO: Final = {"name": "touchstone-load", "version": "1"}

FIRST_MARKER: Final = 1_000_000_000
"""Markers count from here: ten digits each, so that none is part of another, and they fit 32-bit integers."""


_IN_TARGETS: Final = "/?%:@!$&'()*+,;=-._~"
"""What stands for itself in a request target (RFC 3986, sections 3.3 and 3.4)."""


class Prepared(Protocol):
    """A request that can be sent: what a conversation needs of a `Template` or a `Message`."""

    @property
    def name(self) -> str:
        """What the samples are called."""

    @property
    def echoes(self) -> bool:
        """Whether the answer must repeat the marker."""

    @property
    def progresses(self) -> bool:
        """Whether progress is asked for."""

    @property
    def head_key(self) -> Hashable:
        """Requests of equal keys have the same headers; None where no other has them."""

    def body(self, request_id: int, marker: int) -> bytes:
        """Return the request as one line of JSON without line end."""

    def headers(self, marker: int, session: str | None) -> dict[str, str]:
        """Return the headers of the POST that carries the message with this marker."""


class Template:
    """An operation, prepared for one revision: `body` makes the message, `headers` what mirrors it on HTTP.

    `capabilities` are those that the client declares, where every request does.
    """

    __slots__ = ("_capabilities", "_method", "_operation", "_parts", "_revision", "echoes", "fixed_headers", "name")

    def __init__(self, operation: Operation, revision: Revision, capabilities: dict[str, Any] | None = None) -> None:
        self.name = operation.name
        self.echoes = operation.echoes
        self._operation = operation
        self._revision = revision
        self._capabilities = capabilities
        self._method = encode_json(operation.method)
        body = encode_json(self._params())
        quoted = encode_json(NUMBER_MARKER)
        self._parts = body.replace(quoted, MARKER.encode()).split(MARKER.encode())
        first, second = (self.headers(FIRST_MARKER + step, None) for step in (0, 1))
        self.fixed_headers = first == second
        """Whether no header depends on the marker, so that one head serves all requests."""

    @property
    def progresses(self) -> bool:
        """Whether progress is asked for."""
        return _asks_progress(self._operation.params)

    @property
    def head_key(self) -> Hashable:
        """The template itself, if one head serves all its requests."""
        return self if self.fixed_headers else None

    def body(self, request_id: int, marker: int) -> bytes:
        """Return the request as one line of JSON without line end."""
        params = (b"%d" % marker).join(self._parts)
        return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (request_id, self._method, params)

    def headers(self, marker: int, session: str | None) -> dict[str, str]:
        """Return the headers of the POST that carries the message with this marker."""
        request = Request(1, self._operation.method, _substitute(self._params(), marker))
        return request_headers(request, self._revision, session=session, schema=self._operation.schema)

    def again(self, marker: int, further: dict[str, Any]) -> Message:
        """Return the request of this marker as it is sent for another round, with further params
        (2026-07-28 `basic/patterns/mrtr#basic-workflow`)."""
        operation = self._operation
        request = Request(1, operation.method, _substitute(operation.params, marker) | further)
        return Message(self.name, request, (self._revision, self._capabilities or {}), operation.schema)

    def _params(self) -> dict[str, Any]:
        return _described(self._operation.params, self._revision, self._capabilities)


class Message:
    """A request that is sent once, as it is: `name` is that of its samples, `schema` the called tool's."""

    __slots__ = ("_request", "_revision", "_schema", "echoes", "head_key", "name", "progresses")

    def __init__(
        self, name: str, request: Request, client: tuple[Revision, dict[str, Any]], schema: Any = None
    ) -> None:
        revision, capabilities = client
        params = request.params or {}
        self.name = name
        self._request = Request(request.id, request.method, _described(params, revision, capabilities) or None)
        self._revision = revision
        self._schema = schema
        self.echoes = False
        self.progresses = _asks_progress(params)
        self.head_key: Hashable = None if schema else (request.method, params.get(NAMED_BY.get(request.method, "")))

    def body(self, request_id: int, marker: int) -> bytes:
        """Return the request as one line of JSON without line end."""
        del marker
        return encode(Request(request_id, self._request.method, self._request.params))

    def headers(self, marker: int, session: str | None) -> dict[str, str]:
        """Return the headers of the POST that carries it."""
        del marker
        return request_headers(self._request, self._revision, session=session, schema=self._schema)


def _described(params: dict[str, Any], revision: Revision, capabilities: dict[str, Any] | None) -> dict[str, Any]:
    if not revision.modern:
        return params
    return params | {"_meta": request_meta(revision, dict(CLIENT_INFO), capabilities) | params.get("_meta", {})}


def _asks_progress(params: dict[str, Any]) -> bool:
    meta = params.get("_meta")
    return isinstance(meta, dict) and "progressToken" in meta


def _substitute(value: Any, marker: int) -> Any:
    match value:
        case str():
            return marker if value == NUMBER_MARKER else value.replace(MARKER, str(marker))
        case dict():
            return {key: _substitute(each, marker) for key, each in value.items()}
        case list():
            return [_substitute(each, marker) for each in value]
    return value


def initialize(request_id: int, revision: Revision, capabilities: dict[str, Any] | None = None) -> Request:
    """Return the request that opens a legacy conversation (`basic/lifecycle#initialization`)."""
    return Request(request_id, "initialize", initialize_params(revision, dict(CLIENT_INFO), capabilities or {}))


def initialized() -> Notification:
    """Return the notification that ends the handshake."""
    return Notification("notifications/initialized")


def discover() -> Request:
    """Return the request whose answer tells that a modern server is there (2026-07-28 `server/discover`)."""
    return Request(0, "server/discover")


def listen_request(wanted: dict[str, Any] | None) -> Request:
    """Return the request for what is `wanted` of the server's notifications (2026-07-28
    `basic/patterns/subscriptions#notification-filter`): all changes of lists where None."""
    lists = dict.fromkeys(("toolsListChanged", "promptsListChanged", "resourcesListChanged"), True)
    return Request(0, "subscriptions/listen", {"notifications": lists if wanted is None else wanted})


class Endpoint:
    """A URL as a client needs it: where to connect, and the head of a request."""

    __slots__ = ("_start", "extra", "host", "port", "tls", "url")

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self.url = url
        self.tls = parts.scheme in {"https", "wss"}
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.tls else 80)
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_TARGETS)
        authority = parts.netloc.rpartition("@")[2]
        self._start = f" {path} HTTP/1.1\r\nhost: {authority}\r\n"
        self.extra = {name.lower(): value for name, value in headers.items()}
        check_headers(self.extra)

    def head(self, headers: dict[str, str]) -> bytes:
        """Return the head of a POST as far as the number that `post` adds. The user's headers win over ours."""
        return self._request("POST", headers, "content-length: ")

    def bare(self, method: str, headers: dict[str, str]) -> bytes:
        """Return a request without body: a GET, a DELETE."""
        return self._request(method, headers, "\r\n")

    def at(self, url: str) -> Endpoint:
        """Return another address of the same server, asked with the same headers."""
        return Endpoint(url, self.extra)

    def _request(self, method: str, headers: dict[str, str], end: str) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | self.extra).items())
        return f"{method}{self._start}{lines}{end}".encode("latin-1")


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
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
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
        except (msgspec.DecodeError, RecursionError) as problem:
            return Failure(ErrorClass.JSON_RPC, "malformed", str(problem))
        if outcome.is_error:
            return Failure(ErrorClass.IS_ERROR, "", result[:200].decode("utf-8", "replace"))
        if outcome.result_type == "input_required":
            return Failure(ErrorClass.JSON_RPC, "input-required", "the target asks for input, which load does not give")
    if expected.marker is not None and expected.marker not in result:
        return Failure(ErrorClass.JSON_RPC, "foreign-answer", "the answer does not repeat the marker of its request")
    return Sign.ANSWER
