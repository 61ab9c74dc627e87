"""POST in the modern era: no session, headers that mirror the body, disconnection cancels
(`basic/transports/streamable-http` of 2026-07-28)."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from reference_impl.protocol.errors import CODES, Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import read_request_meta
from reference_impl.protocol.messages import ErrorResponse, Request
from reference_impl.protocol.methods import NAMED_BY
from reference_impl.protocol.streamable import (
    CACHED,
    METHOD,
    NAME,
    PROTOCOL_VERSION,
    check_mirrored_headers,
    encode_value,
)
from reference_impl.server.conversation import modern_exchange
from reference_impl.server.dispatch import answer
from reference_impl.server.exchange import Exchange
from reference_impl.server.http.messages import HttpRequest, error_response, send_response
from reference_impl.server.http.posts import Post
from reference_impl.server.http.streams import MOST_UNREAD, EventStream

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["serve_modern"]

_VERSION_FIELD, _METHOD_FIELD, _NAME_FIELD = PROTOCOL_VERSION.encode(), METHOD.encode(), NAME.encode()
_SHORT = 256
"""Longest name whose field is remembered."""


def serve_modern(server: AdvancedMCPServer, http: HttpRequest, request: Request) -> Awaitable[None]:
    """Serve one request that describes itself; returns what is to be awaited.

    Ids need to be unique only among one client's requests, and here nobody knows whose they are: none is remembered.
    """
    new_stream = _listening if request.method == "subscriptions/listen" else EventStream
    post = Post(http, new_stream, _status, cancels=True)
    try:
        exchange = _checked(server, http, request, post)
    except RemoteProtocolError as error:
        return send_response(http.send, error_response(error.http_status or 400, error, request.id))
    return post.respond(exchange, answer(server, exchange))


def _listening() -> EventStream:
    return EventStream(most_unread=MOST_UNREAD)


def _checked(server: AdvancedMCPServer, http: HttpRequest, request: Request, post: Post) -> Exchange:
    meta = read_request_meta(request.params)
    name = (request.params or {}).get(NAMED_BY.get(request.method, ""))
    tool = server.tools.get(name) if request.method == "tools/call" and isinstance(name, str) else None
    schema = None if tool is None else tool.mirrored
    if schema is None and _repeats(http.fields, meta.version, request.method, name):
        return modern_exchange(request, meta, post.send, http.principal)
    _check_version(http, meta.version)
    exchange = modern_exchange(request, meta, post.send, http.principal)
    check_mirrored_headers(request, http.header, schema)
    return exchange


def _repeats(fields: Mapping[bytes, bytes], version: str, method: str, name: object) -> bool:
    """Tell whether the fields repeat the body to the letter, as nearly all do: there is no need to look closer."""
    if not isinstance(name, str) or len(name) > _SHORT:
        return False
    said = fields.get(_VERSION_FIELD), fields.get(_METHOD_FIELD), fields.get(_NAME_FIELD)
    return said == _written(version, method, name)


@lru_cache(CACHED)
def _written(version: str, method: str, name: str) -> tuple[bytes, bytes, bytes]:
    return version.encode(), method.encode(), encode_value(name).encode()


def _check_version(http: HttpRequest, version: str) -> None:
    header = http.header(PROTOCOL_VERSION)
    if header != version:
        said = "is missing" if header is None else f"says {header!r}, the body says {version!r}"
        raise RemoteProtocolError(Code.HEADER_MISMATCH, f"Header mismatch: MCP-Protocol-Version {said}")


def _status(error: ErrorResponse) -> int:
    row = CODES.get(error.code)
    return (row.http_status if row is not None else None) or 200
