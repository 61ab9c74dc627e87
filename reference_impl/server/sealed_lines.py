"""Sealed messages on a byte stream: the lines of stdio as envelopes, for a client that agreed to them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream

from reference_impl.protocol.sealing import Cipher
from reference_impl.server.channels import ServedChannel
from reference_impl.transports.messages import LineChannel
from reference_impl.transports.sealed import SealBroken, seal

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["serve_sealed_lines"]

_GRACE = 1.5
"""Seconds that requests under way get to finish after the client has closed its end."""
_PATIENCE = 60.0
"""Seconds that the client gets for its hello."""


async def serve_sealed_lines(
    server: AdvancedMCPServer, receive: ByteReceiveStream, send: ByteSendStream, cipher: Cipher
) -> None:
    """Serve one client that seals its messages until it closes its end; any other is refused, in words on standard
    error and in none to it."""
    lines = LineChannel(_Streams(receive, send))
    try:
        async with server.running():
            channel = await seal(lines, cipher, "server", _PATIENCE)
            await ServedChannel(server, channel).run(_GRACE)
    except SealBroken as error:
        sys.stderr.write(f"the client was refused: {error}\n")
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return


class _Streams:
    """Two streams as one channel of bytes."""

    def __init__(self, receive: ByteReceiveStream, send: ByteSendStream) -> None:
        self._receive, self._send = receive, send

    async def send(self, data: bytes) -> None:
        """Write all of it."""
        await self._send.send(data)

    async def receive(self) -> bytes:
        """Return what has come."""
        return await self._receive.receive()

    def close_sending(self) -> None:
        """Leave the descriptor to the process, which ends soon."""

    async def aclose(self) -> None:
        """Close both."""
        await self._receive.aclose()
        await self._send.aclose()
