"""A WebSocket to a target: a custom transport, one message a text frame (`basic/transports#custom-transports`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from conformance.links import Gone, Silence
from conformance.target import WebSocketTarget
from reference_impl.transports.http_terms import HttpError
from reference_impl.transports.stdio import TargetNotStarted

if TYPE_CHECKING:
    from reference_impl.transports.websocket import WebSocketChannel

__all__ = ["NoSocket", "open_websocket"]


class NoSocket(Gone):
    """The handshake brought no WebSocket; `status` is that of the reply."""

    def __init__(self, status: int) -> None:
        super().__init__("a WebSocket", f"HTTP {status} for the handshake")
        self.status = status


@asynccontextmanager
async def open_websocket(target: WebSocketTarget, timeout: float) -> AsyncIterator[WebSocketChannel]:
    """Open a socket for the time of the block. Raises `Gone` if the handshake is refused, `Silence` if it does not
    end in time, `TargetNotStarted` where there is no library for it."""
    try:
        from reference_impl.transports import websocket
    except ImportError as error:
        raise TargetNotStarted(f"{error.name} is missing: pip install 'mcp-touchstone[servers]'") from None
    channel = None
    with anyio.move_on_after(timeout):
        try:
            channel = await websocket.open_websocket(target.url, target.headers)
        except websocket.HandshakeRefused as error:
            raise NoSocket(error.status) from None
        except (HttpError, ValueError) as error:
            raise Gone("a WebSocket", str(error)) from None
    if channel is None:
        raise Silence(f"a WebSocket within {timeout:g} s", "silence")
    try:
        yield channel
    finally:
        with suppress(anyio.BrokenResourceError):
            await channel.aclose()
