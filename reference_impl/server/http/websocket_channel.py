"""A conversation over a WebSocket: one JSON message a text frame, both ways, both eras.

Not a transport of the specification; a custom one (`basic/transports#custom-transports`), under the subprotocol `mcp`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from reference_impl.server.http.messages import HttpRequest, Send
from reference_impl.server.stream import StreamConversation

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["WebSocketChannels"]

_SUBPROTOCOL = "mcp"
_GOING_AWAY = 1001


class WebSocketChannels:
    """All open conversations of this transport."""

    def __init__(self, server: AdvancedMCPServer, path: str = "/ws") -> None:
        self.path = path
        self._server = server
        self._outboxes: set[asyncio.Queue[bytes | None]] = set()

    async def serve(self, request: HttpRequest, offered: list[str]) -> None:
        """Serve one client until either side closes the socket. `offered` are the subprotocols that it speaks."""
        send, receive = request.send, request.receive
        await send({"type": "websocket.accept", "subprotocol": _SUBPROTOCOL if _SUBPROTOCOL in offered else None})
        outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        conversation = StreamConversation(self._server, outbox.put_nowait, request.principal)
        self._outboxes.add(outbox)
        writer = asyncio.create_task(_write(outbox, send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                conversation.take(message.get("bytes") or b"" if text is None else text.encode())
        finally:
            self._outboxes.discard(outbox)
            conversation.close()
            writer.cancel()

    def close(self) -> None:
        """Close all sockets after what is still to be sent."""
        for outbox in self._outboxes:
            outbox.put_nowait(None)


async def _write(outbox: asyncio.Queue[bytes | None], send: Send) -> None:
    while (data := await outbox.get()) is not None:
        await send({"type": "websocket.send", "text": data.decode()})
    await send({"type": "websocket.close", "code": _GOING_AWAY})
