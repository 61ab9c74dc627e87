"""The HTTP of one endpoint: its address, the headers that every request carries, and its authorization."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from contextlib import ExitStack
from urllib.parse import quote, unquote, urlsplit

from reference_impl.client.authorizing import Refusal
from reference_impl.client.errors import ConnectionClosed, Unreachable
from reference_impl.client.patience import unhurried
from reference_impl.client.settings import ClientSettings
from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import ConnectFailed, ConnectionLost, HttpError, Origin, shown
from reference_impl.transports.tunnel import Proxy

__all__ = ["ATTEMPTS", "DEMANDS_CERTIFICATE", "REFUSED", "Endpoint", "read_body"]

REFUSED = frozenset({401, 403})
"""The statuses that a better authorization may change."""
DEMANDS_CERTIFICATE = " (does it demand a client certificate?)"
_SPEAKS_TLS = " (is it an https:// address?)"
ATTEMPTS = 5
"""How often one request is sent at most: without a token, with one, with a nonce, with more scopes, with a nonce."""
_FRAMING = frozenset({"connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"})
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
"""A header's name (RFC 9110, section 5.1) in lower case."""
_BODY_LIMIT = 64 * 1024 * 1024
_PATH = "/%:@!$&'()*+,;=~-._"
"""What stays as it is in a path (RFC 3986, section 3.3)."""


class Endpoint:
    """Sends HTTP requests to one URL. Make it inside a running event loop, and close it.

    `server` is the address that authorization goes by, where it is another than `url`. Raises `ConnectionClosed` for an
    address that is none, or a header that cannot be sent.
    """

    def __init__(self, url: str, settings: ClientSettings, server: str | None = None) -> None:
        self._authorizer = settings.authorizer
        self._server = server or url
        try:
            origin = Origin.of(url)
            proxy = Proxy.of(settings.proxy) if settings.proxy is not None else None
        except ValueError as error:
            raise ConnectionClosed(str(error)) from error
        self._answered = False
        self._target = _target(url)
        self._name = f"{origin.scheme}://{origin.authority}{self._target}"
        usual = {"host": origin.authority, "user-agent": "mcp-touchstone", "accept-encoding": "identity"}
        self._fixed = usual | _credentials(url) | _demand_free(_lower(settings.headers))
        self._http = HttpClient(origin, settings.ssl_context, proxy=proxy)

    async def request(
        self,
        method: str,
        headers: dict[str, str],
        body: bytes | None = None,
        *,
        replayable: bool = True,
        asks: bool = True,
    ) -> HttpReply:
        """Send a request and return its reply; where the server refuses the authorization, send it again with a better
        one, a few times at most.

        `replayable` says that sending the request twice does no harm, `asks` that it is worth asking a user for. Raises
        `ConnectionClosed`, `AuthorizationFailed`.
        """
        authorizer = self._authorizer
        if authorizer is None:
            return await self._send(method, headers, body, replayable)
        for attempt in range(ATTEMPTS):
            granted = await authorizer.headers(self._server, method, self._name)
            reply = await self._send(method, headers | _lower(granted), body, replayable)
            authorizer.noted(self._name, reply.headers)
            if reply.status not in REFUSED or not asks:
                break
            refusal = Refusal(self._server, method, self._name, reply.status, reply.headers, granted, headers, attempt)
            with ExitStack() as held, unhurried():
                held.enter_context(reply)
                if attempt == ATTEMPTS - 1 or not await authorizer.answer(refusal):
                    held.pop_all()
                    break
        return reply

    async def _send(self, method: str, headers: dict[str, str], body: bytes | None, replayable: bool) -> HttpReply:
        try:
            head = request_head(method, self._target, self._fixed | headers)
            reply = await self._http.request(head, body, replayable=replayable)
        except HttpError as error:
            raise self.broken(error) from error
        except ValueError as error:
            raise ConnectionClosed(f"{shown(self._name)}: {error}") from error
        self._answered = True
        return reply

    def broken(self, error: HttpError) -> ConnectionClosed:
        """Return what a failure of HTTP means for the conversation."""
        if isinstance(error, ConnectFailed):
            return Unreachable(str(error))
        return ConnectionClosed(f"{shown(self._name)}: {error}{'' if self._answered else self._hint(error)}")

    def _hint(self, error: HttpError) -> str:
        """Say what may be wrong with a server that closed the connection and never said a word."""
        if not isinstance(error, ConnectionLost) or error.received:
            return ""
        # In TLS 1.3 a client learns only now that its certificate was missed, and many a server does not even say so.
        return DEMANDS_CERTIFICATE if self._name.startswith("https:") else _SPEAKS_TLS

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()


async def read_body(reply: HttpReply) -> bytes:
    """Return the whole body. Raises `ConnectionLost`, and `BadHttp` if it is longer than 64 MiB."""
    return await reply.read(_BODY_LIMIT)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _demand_free(headers: dict[str, str]) -> dict[str, str]:
    """Return a user's headers. Raises `ConnectionClosed` for one that is none, or that would change how bodies are
    framed: the server would take the rest of a body for another request."""
    for name in headers:
        if name in _FRAMING or not _NAME.fullmatch(name):
            raise ConnectionClosed(f"ClientSettings.headers: {name!r} cannot be set")
    return headers


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
