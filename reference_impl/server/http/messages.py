"""HTTP requests and responses over raw ASGI 3, as small values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import msgspec

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.messages import ErrorResponse, RequestId, encode
from reference_impl.protocol.streamable import CACHED, JSON_TYPE, SSE_TYPE, accepts

__all__ = [
    "HttpError",
    "HttpRequest",
    "HttpResponse",
    "Receive",
    "Scope",
    "Send",
    "error_response",
    "field_text",
    "json_response",
    "read_body",
    "send_json",
    "send_response",
    "until_disconnected",
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class HttpRequest(msgspec.Struct, frozen=True):
    """The head of a request. `fields` are its header fields as they came, names in lower case, those that came twice
    joined. `principal` is whom the authenticator named, `peer` the address it comes from."""

    method: str
    path: str
    fields: Mapping[bytes, bytes]
    receive: Receive
    send: Send
    principal: str | None = None
    peer: str | None = None

    @classmethod
    def of(cls, scope: Scope, receive: Receive, send: Send) -> HttpRequest:
        """Read an ASGI `http` scope, whose header names are in lower case."""
        pairs = scope["headers"]
        fields = dict(pairs)
        if len(fields) < len(pairs):
            fields = _joined(pairs)
        path, root, client = scope["path"], scope.get("root_path"), scope.get("client")
        if root:
            path = path.removeprefix(root)
        return cls(scope["method"], path, fields, receive, send, None, client[0] if client else None)

    def header(self, name: str) -> str | None:
        """Return the value of a field without outer white space, as RFC 9110 reads it (5.5; httptools keeps what
        trails); `name` is in lower case."""
        value = self.fields.get(name.encode())
        return None if value is None else value.decode("latin-1").strip(" \t")

    @property
    def takes(self) -> tuple[bool, bool]:
        """Whether the client takes JSON, and whether it takes event streams."""
        return _taken(self.fields.get(b"accept"))

    @property
    def headers(self) -> dict[str, str]:
        """All fields, read so."""
        return {name.decode("latin-1"): value.decode("latin-1").strip(" \t") for name, value in self.fields.items()}


def field_text(value: bytes | None) -> str | None:
    """Return the value of a field without outer white space."""
    return None if value is None else value.decode("latin-1").strip(" \t")


@lru_cache(CACHED)
def _taken(accept: bytes | None) -> tuple[bool, bool]:
    text = field_text(accept)
    return accepts(text, JSON_TYPE), accepts(text, SSE_TYPE)


def _joined(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return fields of which some come twice: their values become one list (RFC 9110, 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in pairs:
        fields[name] = b"%b, %b" % (fields[name].strip(b" \t"), value) if name in fields else value
    return fields


class HttpResponse(msgspec.Struct, frozen=True):
    """A whole response; an empty body carries no content type."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    content_type: str = JSON_TYPE


class HttpError(Exception):
    """Ends a request with a response."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a response that carries JSON."""
    return HttpResponse(status, body, headers or {})


def error_response(
    status: int,
    error: RemoteProtocolError,
    identifier: RequestId | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return a response that carries a JSON-RPC error."""
    body = encode(ErrorResponse(identifier, error.code, error.message, error.data))
    return HttpResponse(status, body, headers or {})


_JSON_HEADER = (b"content-type", JSON_TYPE.encode())


async def send_json(send: Send, body: bytes, status: int = 200) -> None:
    """Send a whole response that carries JSON and nothing special."""
    headers = [(b"content-length", b"%d" % len(body)), _JSON_HEADER]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_response(send: Send, response: HttpResponse, *, head: bool = False) -> None:
    """Send a whole response; with `head` as HEAD wants it, without its body."""
    headers = [(b"content-length", b"%d" % len(response.body))]
    if response.body:
        headers.append((b"content-type", response.content_type.encode("latin-1")))
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Return the body, or None if it is longer than `limit` bytes. Raises `ConnectionError` if the client goes away."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body if len(body) <= limit else None
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise ConnectionError("the client went away")


async def until_disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
