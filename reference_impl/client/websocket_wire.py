"""The wire over a WebSocket, a custom transport: the handshake with its headers and authorization, then messages."""

from __future__ import annotations

from collections.abc import Mapping

from reference_impl.client.channel_wire import ChannelWire
from reference_impl.client.errors import ConnectionClosed, HttpRefused
from reference_impl.client.sealing import sealed
from reference_impl.client.settings import ClientSettings
from reference_impl.transports.http_terms import HttpError
from reference_impl.transports.websocket import HandshakeRefused, WebSocketChannel, open_websocket

__all__ = ["open_websocket_wire"]


async def open_websocket_wire(url: str, settings: ClientSettings) -> ChannelWire:
    """Open a `ws` or `wss` URL; where the server refuses the authorization, ask once for a better one.

    Raises `ConnectionClosed`, `HttpRefused`.
    """
    channel = await _authorized(url, settings)

    async def explain() -> str:
        return channel.failure or "the WebSocket has closed"

    return await sealed(channel, settings, explain)


async def _authorized(url: str, settings: ClientSettings) -> WebSocketChannel:
    authorize = settings.authorize
    authorization = await authorize(None) if authorize is not None else {}
    try:
        return await _open(url, settings, authorization)
    except HandshakeRefused as refusal:
        if authorize is None or refusal.status not in (401, 403):
            raise HttpRefused(refusal.status, refusal.body, refusal.challenge) from None
        challenge = refusal.challenge
    try:
        return await _open(url, settings, await authorize(challenge))
    except HandshakeRefused as refusal:
        raise HttpRefused(refusal.status, refusal.body, refusal.challenge) from None


async def _open(url: str, settings: ClientSettings, authorization: Mapping[str, str]) -> WebSocketChannel:
    try:
        return await open_websocket(url, {**settings.headers, **authorization}, settings.ssl_context)
    except HandshakeRefused:
        raise
    except HttpError as error:
        raise ConnectionClosed(str(error)) from error
