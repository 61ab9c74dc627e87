"""HTTP with SSE, the transport of 2024-11-05: one event stream to the client, one address for its messages.

Deprecated since 2025-03-26 and offered only on request (`HttpOptions.http_sse`); kept because clients of it live on.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from reference_impl.protocol.sse import encode_event
from reference_impl.server.access import at_end_of_token
from reference_impl.server.http.guards import check_media, not_allowed, refused
from reference_impl.server.http.messages import HttpRequest, HttpResponse, read_body, send_response
from reference_impl.server.http.streams import MOST_UNREAD, EventStream, serve_stream_events, watch
from reference_impl.server.stream import StreamConversation

if TYPE_CHECKING:
    from reference_impl.server.auth.gate import Gate
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["SseChannels"]


class SseChannels:
    """All open conversations of this transport, by the secret in the address that each client posts to."""

    def __init__(self, server: AdvancedMCPServer, path: str = "/sse", messages: str = "/messages") -> None:
        self.path = path
        self.messages = messages
        self._server = server
        self._open: dict[str, tuple[StreamConversation, EventStream, str | None]] = {}

    async def listen(self, http: HttpRequest, root: str) -> None:
        """Open a conversation; it lasts as long as the connection. `root` is where the application is mounted."""
        if http.method != "GET":
            raise not_allowed("GET")
        secret = secrets.token_urlsafe(24)
        address = f"{root}{self.messages}?session={secret}".encode()
        stream = EventStream(prologue=encode_event(address, event="endpoint"), most_unread=MOST_UNREAD)
        conversation = StreamConversation(self._server, stream.put, http.principal)
        self._open[secret] = (conversation, stream, http.principal)
        gone = watch(http, stream)
        try:
            with at_end_of_token(stream.finish):
                await serve_stream_events(http, stream, 0, gone)
        finally:
            gone.cancel()
            del self._open[secret]
            conversation.close()

    async def post(self, http: HttpRequest, query: bytes, largest: int, gate: Gate | None = None) -> None:
        """Take one message; its answer goes to the event stream. `gate` refuses what a token does not reach."""
        if http.method != "POST":
            raise not_allowed("POST")
        check_media(http, answers=False)
        secret = parse_qs(query.decode("latin-1")).get("session", [""])[0]
        conversation, _, principal = self._open.get(secret, (None, None, None))
        if conversation is None or principal != http.principal:
            raise refused(404, "Session not found")
        body = await read_body(http.receive, largest)
        if body is None:
            raise refused(413, "The body is too large")
        if gate is not None:
            gate.check_body(self._server, body)
        conversation.take(body)
        await send_response(http.send, HttpResponse(202))

    def close(self) -> None:
        """End all streams."""
        for _, stream, _ in self._open.values():
            stream.finish()
