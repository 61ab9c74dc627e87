"""How a user comes to agree: an address is opened in a browser, and the browser comes back with an answer."""

from __future__ import annotations

import asyncio
import socket
import webbrowser
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import anyio

from reference_impl.client.errors import AuthorizationFailed

__all__ = ["Browser", "Callback", "UserAgent"]

_HOST = "127.0.0.1"
_PATH = "/callback"
_HEAD_LIMIT = 16 * 1024
_READ_TIMEOUT = 10.0
_DONE = "You can close this window and return to the program that opened it."
_OTHER = "This is not the answer that is waited for."


class UserAgent(Protocol):
    """Opens addresses for a user. `redirect_uri` is where answers come back."""

    @property
    def redirect_uri(self) -> str:
        """The address to register and to name; once it is read, answers may come."""
        ...

    async def authorize(self, url: str) -> str:
        """Open an address and return the one that the user was sent back to. Raises `AuthorizationFailed`."""
        ...

    async def aclose(self) -> None:
        """Wait for no answer any more."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A user agent made of a function, which opens an address and returns the one that came back."""

    redirect_uri: str
    function: Callable[[str], Awaitable[str]]

    async def authorize(self, url: str) -> str:
        """See `UserAgent.authorize`."""
        return await self.function(url)

    async def aclose(self) -> None:
        """Do nothing."""


class Browser:
    """The system's browser, and a port of this machine's loopback address that it comes back to (RFC 8252, 7.3).

    `port` 0 takes any that is free, and keeps to it. `patience` is the seconds that the user has. `show` opens an
    address and tells whether it could.
    """

    def __init__(self, port: int = 0, patience: float = 300.0, show: Callable[[str], bool] = webbrowser.open) -> None:
        self._port = port
        self._patience = patience
        self._show = show
        self._socket: socket.socket | None = None

    @property
    def redirect_uri(self) -> str:
        """See `UserAgent.redirect_uri`."""
        if self._socket is None:
            try:
                self._socket = socket.create_server((_HOST, self._port))
            except OSError as error:
                raise AuthorizationFailed(f"no port to come back to: {error.strerror}") from error
            self._port = self._socket.getsockname()[1]
        return f"http://{_HOST}:{self._port}{_PATH}"

    async def authorize(self, url: str) -> str:
        """See `UserAgent.authorize`. Answers that belong to another question are turned away."""
        redirect_uri, state = self.redirect_uri, parse_qs(urlsplit(url).query).get("state", [""])[0]
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            visitors.add(writer)
            target = await _target(reader)
            parts = urlsplit(target)
            ours = parts.path == _PATH and parse_qs(parts.query).get("state", [""])[0] == state
            await _reply(writer, ours=ours)
            if ours and not answer.done():
                answer.set_result(f"{redirect_uri}?{parts.query}")

        visitors: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(serve, sock=self._socket, limit=_HEAD_LIMIT)
        self._socket = None  # closed with the server
        try:
            if not await anyio.to_thread.run_sync(self._show, url, abandon_on_cancel=True):
                raise AuthorizationFailed("no browser could be opened")
            with anyio.fail_after(self._patience):
                return await answer
        except TimeoutError as error:
            raise AuthorizationFailed(f"the user gave no answer within {self._patience:g} s") from error
        finally:
            server.close()
            for visitor in visitors:  # browsers open connections that they never use: nobody waits for those
                visitor.close()

    async def aclose(self) -> None:
        """See `UserAgent.aclose`."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


async def _target(reader: asyncio.StreamReader) -> str:
    """Return what a request asks for, or nothing at all for what is no GET."""
    try:
        with anyio.fail_after(_READ_TIMEOUT):
            head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
        return ""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return words[1] if len(words) == 3 and words[0] == "GET" else ""


async def _reply(writer: asyncio.StreamWriter, *, ours: bool) -> None:
    status, words = ("200 OK", _DONE) if ours else ("404 Not Found", _OTHER)
    lines = (
        f"HTTP/1.1 {status}",
        "content-type: text/plain; charset=utf-8",
        f"content-length: {len(words)}",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "connection: close",
    )
    with suppress(OSError):
        writer.write(("\r\n".join(lines) + f"\r\n\r\n{words}").encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
