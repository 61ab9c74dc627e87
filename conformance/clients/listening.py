"""Addresses at which a client finds us: plain ones, and one whose certificate nobody trusts."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc
from anyio.streams.stapled import MultiListener
from anyio.streams.tls import TLSStream

__all__ = ["Address", "listen"]

_CERTIFICATE = Path(__file__).with_name("untrusted.pem")
"""A certificate for this machine with its key. It proves nothing, and nobody is to trust it."""


@dataclass(frozen=True, slots=True)
class Address:
    """An origin on this machine."""

    listener: MultiListener[anyio.abc.SocketStream]
    tls: bool = False

    @property
    def port(self) -> int:
        """Its port."""
        return self.listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no query of Django's

    @property
    def origin(self) -> str:
        """Its URL, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def serve(self, serve: Callable[[anyio.abc.ByteStream], Awaitable[None]]) -> None:
        """Hand each connection on."""

        async def secured(stream: anyio.abc.SocketStream) -> None:
            # The stream is closed also where the client wants nothing to do with the certificate.
            async with stream:
                with suppress(ssl.SSLError, anyio.EndOfStream, anyio.BrokenResourceError):
                    await serve(await TLSStream.wrap(stream, server_side=True, ssl_context=_context()))

        await self.listener.serve(secured if self.tls else serve)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_CERTIFICATE)
    return context


@asynccontextmanager
async def listen(*, tls: bool = False) -> AsyncIterator[Address]:
    """Listen at a free port of this machine."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        yield Address(listener, tls)
