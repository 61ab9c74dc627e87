"""A way through an HTTP proxy: the proxy connects to the server and passes bytes on (RFC 9110, section 9.3.6)."""

from __future__ import annotations

import asyncio
import base64
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from reference_impl.transports.dialling import dial
from reference_impl.transports.http_terms import ConnectFailed, Origin

__all__ = ["Proxy"]

_HEAD_LIMIT = 16 * 1024
"""Most bytes of a proxy's answer."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy: where it is, and the credentials that it wants, as a Proxy-Authorization header."""

    origin: Origin
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> Proxy:
        """Read an `http` URL, with or without a user and a password. Raises `ValueError` for any other."""
        origin, parts = Origin.of(url), urlsplit(url)
        if origin.scheme != "http":
            raise ValueError(f"{origin.authority}: only proxies that are talked to by http are known here")
        if parts.username is None:
            return cls(origin)
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(origin, f"Basic {base64.b64encode(pair.encode()).decode()}")

    async def connect(self, origin: Origin) -> socket.socket:
        """Return a socket that is connected to `origin` through the proxy. Raises `ConnectFailed`."""
        connection = await dial(self.origin)
        try:
            await self._open(connection, origin)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _open(self, connection: socket.socket, origin: Origin) -> None:
        where = f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"
        who = f"proxy-authorization: {self.authorization}\r\n" if self.authorization is not None else ""
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(connection, f"CONNECT {where} HTTP/1.1\r\nhost: {where}\r\n{who}\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                piece = await loop.sock_recv(connection, _HEAD_LIMIT)
                head += piece
                if not piece or len(head) > _HEAD_LIMIT:
                    raise ConnectFailed(f"{self.origin.authority}: the proxy gave no answer that is one")
        except OSError as error:
            raise ConnectFailed(f"{self.origin.authority}: the proxy closed the connection: {error}") from error
        line = head.partition(b"\r\n")[0].decode("latin-1")
        # Nothing may follow yet: the server has nothing to say before the client has spoken.
        if not line.startswith(("HTTP/1.1 2", "HTTP/1.0 2")) or not head.endswith(b"\r\n\r\n"):
            raise ConnectFailed(f"{self.origin.authority}: the proxy refused to connect to {where}: {line}")
