"""HTTP/1.1 for the reference client: kept connections to one origin, made when they are needed.

No cookies, no redirects, no compression: an endpoint of the protocol needs none of them, and each has opened holes.
Why this and no library of its own kind: `docs/performance.md#client`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import cache

import anyio

from reference_impl.transports.dialling import Resolve, dial
from reference_impl.transports.http_link import HttpLink, HttpReply
from reference_impl.transports.http_terms import ConnectFailed, ConnectionLost, Origin, why_not_connected
from reference_impl.transports.tunnel import Proxy

__all__ = ["HttpClient", "request_head"]

CONNECT_TIMEOUT = 10.0
"""Seconds until a connection has to stand, TLS included."""
_IDLE_SECONDS = 4.0
"""How long a connection may rest and be used again. Many servers close theirs after 5 seconds: a request that meets
the close on its way is lost, and nobody can tell whether it was served. It bounds what a burst leaves behind, too."""
_TURNS = 8


def request_head(method: str, target: str, headers: dict[str, str]) -> bytes:
    """Return the head of a request, up to its last header and without the empty line that ends it.

    Raises `ValueError` for a line end inside: it would begin another header.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    text = "\r\n".join(lines)
    ends = len(lines) - 1
    if text.count("\r") != ends or text.count("\n") != ends or "\0" in text:
        raise ValueError("a request line or header must not contain a line end or a null character")
    return text.encode() + b"\r\n"


@cache
def _usual_context() -> ssl.SSLContext:
    """Return a context that verifies; reading all of the system's certificates takes longer than a request."""
    return ssl.create_default_context()


class HttpClient:
    """Connections to one origin. `ssl_context` replaces the default one, which verifies certificates and names.

    `admits` judges the IP address that is to be connected to, or that of the proxy. `proxy` is the one that all
    connections go through. `resolve` replaces the system's way from a name to its addresses.
    """

    def __init__(
        self,
        origin: Origin,
        ssl_context: ssl.SSLContext | None = None,
        *,
        admits: Callable[[str], bool] | None = None,
        proxy: Proxy | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self.origin = origin
        self._proxy = proxy
        self._resolve = resolve
        self._admits = admits
        self._ssl = (ssl_context or _usual_context()) if origin.scheme == "https" else None
        self._idle: dict[HttpLink, None] = {}
        """In the order in which they came to rest."""
        self._sweeping: asyncio.TimerHandle | None = None
        self._open: set[HttpLink] = set()
        self._closed = False

    async def request(self, head: bytes, body: bytes | None = None, *, replayable: bool = False) -> HttpReply:
        """Send a request and return its reply, whose head has come.

        `head` is as `request_head` makes it. `replayable` says that the request may be sent once more if a kept
        connection ends before any byte of the answer. Raises `ConnectFailed`, `ConnectionLost`, `BadHttp`.
        """
        data = head + b"\r\n" if body is None else b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
        link = self._rested()
        if link is not None:
            try:
                return await _answered(link, data)
            except ConnectionLost as error:
                if error.received or not replayable:
                    raise
        return await _answered(await self._connect(), data)

    def _rested(self) -> HttpLink | None:
        """Take an idle connection, the one that served last, unless it has rested too long."""
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while self._idle:
            link, _ = self._idle.popitem()
            if link.rests_since > oldest and not link.closing:
                return link
            link.close()
        return None

    def _rest(self, link: HttpLink) -> None:
        if self._closed:
            link.close()
            return
        loop = asyncio.get_running_loop()
        link.rests_since = loop.time()
        self._idle[link] = None
        if self._sweeping is None:
            self._sweeping = loop.call_later(_IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close what has rested too long; look again as long as any rest."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - _IDLE_SECONDS
        for link in [link for link in self._idle if link.rests_since <= oldest]:
            link.close()
        self._sweeping = loop.call_later(_IDLE_SECONDS, self._sweep) if self._idle else None

    def _lost(self, link: HttpLink) -> None:
        self._open.discard(link)
        self._idle.pop(link, None)

    async def _connect(self) -> HttpLink:
        if self._closed:
            raise _closed_here()
        lacking = "connection"
        try:
            with anyio.fail_after(CONNECT_TIMEOUT):
                connection = await self._dialled()
                lacking = "handshake of TLS (is it an http:// address?)"
                link = await self._linked(connection)
        except TimeoutError as error:
            raise ConnectFailed(f"{self.origin.authority}: no {lacking} within {CONNECT_TIMEOUT:g} s") from error
        if self._closed:  # while the connection came to stand
            link.close()
            raise _closed_here()
        return link

    async def _dialled(self) -> socket.socket:
        if self._proxy is None:
            return await dial(self.origin, self._admits, self._resolve)
        connection = await self._proxy.connect(self.origin)
        if self._admits is not None and not self._admits(connection.getpeername()[0]):
            connection.close()
            raise ConnectFailed(f"{self.origin.authority}: its address must not be connected to from here")
        return connection

    async def _linked(self, connection: socket.socket) -> HttpLink:
        loop, host = asyncio.get_running_loop(), self.origin.host if self._ssl is not None else None
        try:
            _, link = await loop.create_connection(
                lambda: HttpLink(self._rest, self._lost), sock=connection, ssl=self._ssl, server_hostname=host
            )
        except OSError as error:
            raise ConnectFailed(f"{self.origin.authority}: {why_not_connected(error)}") from error
        self._open.add(link)
        return link

    async def aclose(self) -> None:
        """Close every connection, whatever is under way on it."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for link in list(self._open):
            link.close()
        for _ in range(_TURNS):  # the loop reports the end of a connection in its next turns; until then it is open
            if self._open:
                await anyio.lowlevel.checkpoint()


def _closed_here() -> ConnectionLost:
    return ConnectionLost("the connection was closed on this side", received=False)


async def _answered(link: HttpLink, data: bytes) -> HttpReply:
    reply = link.begin(data)
    try:
        await reply.head()
    except BaseException:
        link.close()
        raise
    return reply
