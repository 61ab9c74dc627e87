"""The wire over a WebSocket, a custom transport: the handshake with its headers and authorization, then messages."""

from __future__ import annotations

from collections.abc import Mapping

from reference_impl.client.authorizing import Refusal
from reference_impl.client.channel_wire import ChannelWire
from reference_impl.client.endpoint import ATTEMPTS, DEMANDS_CERTIFICATE, REFUSED
from reference_impl.client.errors import ConnectionClosed, HttpRefused, Unreachable
from reference_impl.client.sealing import sealed
from reference_impl.client.settings import ClientSettings
from reference_impl.transports.http_terms import ConnectFailed, ConnectionLost, HttpError
from reference_impl.transports.tunnel import Proxy
from reference_impl.transports.websocket import HandshakeRefused, WebSocketChannel, open_websocket

__all__ = ["open_websocket_wire"]


async def open_websocket_wire(url: str, settings: ClientSettings) -> ChannelWire:
    """Open a `ws` or `wss` URL; where the server refuses the authorization, try again with a better one.

    Raises `ConnectionClosed`, `HttpRefused`, `AuthorizationFailed`.
    """
    channel = await _authorized(url, settings)

    async def explain() -> str:
        return channel.failure or "the WebSocket has closed"

    return await sealed(channel, settings, explain)


async def _authorized(url: str, settings: ClientSettings) -> WebSocketChannel:
    authorizer, server = settings.authorizer, f"http{url[2:]}"
    for attempt in range(ATTEMPTS):
        granted = await authorizer.headers(server, "GET", server) if authorizer is not None else {}
        try:
            return await _open(url, settings, granted)
        except HandshakeRefused as error:
            refused = error
        if authorizer is None or refused.status not in REFUSED:
            break
        refusal = Refusal(server, "GET", server, refused.status, refused.headers, granted, {}, attempt)
        if attempt == ATTEMPTS - 1 or not await authorizer.answer(refusal):
            break
    raise HttpRefused(refused.status, refused.body, refused.headers)


async def _open(url: str, settings: ClientSettings, authorization: Mapping[str, str]) -> WebSocketChannel:
    try:
        proxy = Proxy.of(settings.proxy) if settings.proxy is not None else None
        headers = {**settings.headers, **authorization}
        return await open_websocket(url, headers, settings.ssl_context, proxy=proxy)
    except HandshakeRefused:
        raise
    except ConnectFailed as error:
        raise Unreachable(str(error)) from error
    except (HttpError, ValueError) as error:
        silent = isinstance(error, ConnectionLost) and url.startswith("wss:")
        raise ConnectionClosed(f"{error}{DEMANDS_CERTIFICATE if silent else ''}") from error
