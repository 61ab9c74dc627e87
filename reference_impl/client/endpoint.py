"""The HTTP of one endpoint: its address, the headers that every request carries, and its authorization."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

import anyio

from reference_impl.client.errors import ConnectionClosed
from reference_impl.client.settings import ClientSettings
from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import ConnectFailed, HttpError, Origin

__all__ = ["Endpoint", "read_body"]

_BODY_LIMIT = 64 * 1024 * 1024
_PATH = "/%:@!$&'()*+,;=~-._"
"""What stays as it is in a path (RFC 3986, section 3.3)."""


class Endpoint:
    """Sends HTTP requests to one URL. Make it inside a running event loop, and close it.

    Raises `ConnectionClosed` for an address that is none, or a header that cannot be sent.
    """

    def __init__(self, url: str, settings: ClientSettings) -> None:
        self._authorize = settings.authorize
        self._authorization: Mapping[str, str] | None = None
        self._authorizing = anyio.Lock()
        try:
            origin = Origin.of(url)
        except ValueError as error:
            raise ConnectionClosed(str(error)) from error
        self._target = _target(url)
        self._name = f"{origin.scheme}://{origin.authority}{self._target}"
        usual = {"host": origin.authority, "user-agent": "mcp-touchstone", "accept-encoding": "identity"}
        self._own = usual | _credentials(url) | _lower(settings.headers)
        self._fixed = self._own
        self._http = HttpClient(origin, settings.ssl_context)

    async def request(
        self, method: str, headers: dict[str, str], body: bytes | None = None, *, replayable: bool = True
    ) -> HttpReply:
        """Send a request and return its reply; where the server refuses the authorization, ask once for a better one.

        `replayable` says that sending the request twice does no harm. Raises `ConnectionClosed`.
        """
        if self._authorize is None:
            return await self._send(method, headers, body, replayable)
        if self._authorization is None:
            await self._authorized(None, None)
        used = self._authorization
        reply = await self._send(method, headers, body, replayable)
        if reply.status not in (401, 403):
            return reply
        with reply:
            await self._authorized(used, reply.headers.get("www-authenticate"))
        return await self._send(method, headers, body, replayable)

    async def _authorized(self, used: Mapping[str, str] | None, challenge: str | None) -> None:
        """Replace the authorization that was refused, unless another request has done so while this one waited."""
        assert self._authorize is not None
        async with self._authorizing:
            if self._authorization is used:
                self._authorization = await self._authorize(challenge)
                self._fixed = self._own | _lower(self._authorization)

    async def _send(self, method: str, headers: dict[str, str], body: bytes | None, replayable: bool) -> HttpReply:
        try:
            head = request_head(method, self._target, self._fixed | headers)
            return await self._http.request(head, body, replayable=replayable)
        except HttpError as error:
            raise self.broken(error) from error
        except ValueError as error:
            raise ConnectionClosed(f"{self._name}: {error}") from error

    def broken(self, error: HttpError) -> ConnectionClosed:
        """Return what a failure of HTTP means for the conversation."""
        return ConnectionClosed(str(error) if isinstance(error, ConnectFailed) else f"{self._name}: {error}")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()


async def read_body(reply: HttpReply) -> bytes:
    """Return the whole body. Raises `ConnectionLost`, and `BadHttp` if it is longer than 64 MiB."""
    return await reply.read(_BODY_LIMIT)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _target(url: str) -> str:
    parts = urlsplit(url)
    query = f"?{quote(parts.query, safe=_PATH + '?')}" if parts.query else ""
    return quote(parts.path or "/", safe=_PATH) + query


def _credentials(url: str) -> dict[str, str]:
    """Return what a user and a password inside the URL stand for (RFC 7617)."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
