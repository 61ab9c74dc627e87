"""What every request has to pass before anybody reads it: Host, Origin, media types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.sealing import Cipher
from reference_impl.protocol.streamable import CACHED, JSON_TYPE, host_allowed, media_type, origin_allowed
from reference_impl.server.http.messages import HttpError, HttpRequest, Scope, error_response, field_text

__all__ = ["HttpOptions", "check_head", "check_media", "check_origin", "not_allowed", "refused"]

_LOOPBACK = ("127.", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How the endpoint is guarded and bounded, and what it offers beside Streamable HTTP.

    `allowed_hosts` and `allowed_origins` come on top of this machine's loopback names; a server that is not bound to
    loopback checks Host only if hosts are listed. `largest_body` is in bytes, `session_lifetime` in seconds after last
    use. `http_sse` adds the transport of 2024-11-05 at `/sse`, `websocket` a message channel at `/ws`.
    `resource_metadata` is the document of RFC 9728 that tells clients where to get tokens. With `public_metrics`,
    `/metrics` is for everybody even where all else is protected.

    Of sessions, and of channels (conversations over HTTP with SSE and WebSocket, subscriptions), there are at most so
    many, and so many for each principal or, without one, address; those of this machine share the whole. `most_streams`
    are the GET streams of one session. `ping_interval` and `ping_timeout` are the seconds after which a WebSocket is
    pinged, and given up; a client that says nothing for `opening_timeout` seconds after its WebSocket was opened is let
    go. With `seal`, messages over WebSocket have to be sealed.
    """

    allowed_hosts: frozenset[str] = frozenset()
    allowed_origins: frozenset[str] = frozenset()
    largest_body: int = 16 * 1024 * 1024
    session_lifetime: float = 1800
    most_sessions: int = 10_000
    most_sessions_each: int = 1_000
    most_streams: int = 16
    most_channels: int = 2_000
    most_channels_each: int = 200
    most_header_fields: int = 100
    opening_timeout: float = 60
    ping_interval: float = 20
    ping_timeout: float = 20
    seal: Cipher | None = None
    http_sse: bool = False
    websocket: bool = False
    public_metrics: bool = False
    resource_metadata: Mapping[str, Any] | None = None


def check_head(scope: Scope, options: HttpOptions) -> None:
    """Bound the number of header fields; how many bytes they take, the connection bounds. Raises `HttpError` (431)."""
    if len(scope["headers"]) > options.most_header_fields:
        raise refused(431, "Request header fields too large: there are too many")


def check_origin(request: HttpRequest, scope: Scope, options: HttpOptions) -> None:
    """Guard against DNS rebinding (`basic/transports/streamable-http#security-endpoint`). Raises `HttpError` (403)."""
    host, origin, server = request.fields.get(b"host"), request.fields.get(b"origin"), scope.get("server")
    foreign = _foreign(server[0] if server else None, host, origin, options.allowed_hosts, options.allowed_origins)
    if foreign is not None:
        raise refused(403, f"Forbidden: {foreign}")


@lru_cache(CACHED)
def _foreign(
    bound: str | None, host: bytes | None, origin: bytes | None, hosts: frozenset[str], origins: frozenset[str]
) -> str | None:
    """Return what is foreign about these fields."""
    named, page = field_text(host), field_text(origin)
    guarded = bool(hosts) or (bound or "").startswith(_LOOPBACK)
    if guarded and not host_allowed(named, hosts):
        return "this server does not go by that Host"
    return None if origin_allowed(page, named, origins) else "Origin is not allowed"


def check_media(request: HttpRequest, *, answers: bool = True) -> None:
    """Check that a body is JSON, and that the client takes what `answers` it. Raises `HttpError` (415, 406)."""
    kind = request.fields.get(b"content-type")
    if kind is not None and not _says_json(kind):
        raise refused(415, "Unsupported media type: send application/json")
    if answers and not any(request.takes):
        raise refused(406, "Not acceptable: answers are application/json or text/event-stream")


@lru_cache(CACHED)
def _says_json(kind: bytes) -> bool:
    return media_type(kind.decode("latin-1")) == JSON_TYPE


def refused(status: int, message: str) -> HttpError:
    """Return a refusal that carries a JSON-RPC error without id."""
    return HttpError(error_response(status, RemoteProtocolError(Code.INVALID_REQUEST, message)))


def not_allowed(allow: str = "POST, GET, DELETE") -> HttpError:
    """Return the refusal of an HTTP method."""
    error = RemoteProtocolError(Code.INVALID_REQUEST, "Method not allowed")
    return HttpError(error_response(405, error, headers={"allow": allow}))
