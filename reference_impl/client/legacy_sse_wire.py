"""The wire over HTTP with SSE, the transport of 2024-11-05: asked for by `sse+http`, or found where an endpoint knows
nothing newer.

Sources: `basic/transports#http-with-sse` of 2024-11-05, `basic/transports#backwards-compatibility` of 2025-11-25.
"""

from __future__ import annotations

import anyio

from reference_impl.client.channel_wire import ChannelWire
from reference_impl.client.endpoint import Endpoint
from reference_impl.client.errors import ClientError, ConnectionClosed, HttpRefused, InvalidAnswer
from reference_impl.client.patience import hurried
from reference_impl.client.settings import ClientSettings
from reference_impl.protocol.legacy_sse import LegacySseReader
from reference_impl.protocol.streamable import JSON_TYPE, SSE_TYPE, media_type
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import HttpError, shown
from reference_impl.transports.legacy_sse import LegacySseChannel

__all__ = ["open_legacy_sse"]

_QUOTED = 4096


async def open_legacy_sse(url: str, settings: ClientSettings, patience: float) -> ChannelWire:
    """Open the stream at `url` and wait `patience` seconds for the address that it has to name first.

    Raises `ConnectionClosed`, `HttpRefused`, and `InvalidAnswer` if what is there is no such stream.
    """
    addresses = _Addresses(url, settings)
    try:
        with anyio.fail_after(patience) as clock, hurried(clock):
            channel = await addresses.channel()
    except TimeoutError:
        await addresses.aclose()
        raise InvalidAnswer(f"{shown(url)}: the stream named no endpoint within {patience:g} s") from None
    except BaseException:
        with anyio.CancelScope(shield=True):
            await addresses.aclose()
        raise

    async def explain() -> str:
        return channel.failure or "the server closed the event stream"

    return ChannelWire(channel, explain)


class _Addresses:
    """The two addresses of a conversation: that of the stream, and the one that the stream names."""

    def __init__(self, url: str, settings: ClientSettings) -> None:
        self._url = url
        self._settings = settings
        self._stream = Endpoint(url, settings)
        self._messages: Endpoint | None = None

    async def channel(self) -> LegacySseChannel:
        reply = await self._stream.request("GET", {"accept": SSE_TYPE, "cache-control": "no-store"})
        if reply.status != 200 or media_type(reply.headers.get("content-type")) != SSE_TYPE:
            raise await _refusal(self._url, reply)
        channel = LegacySseChannel(reply, LegacySseReader(self._url), self._post, self.aclose)
        try:
            await channel.opened()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            why = channel.failure or "the event stream ended before it named an endpoint"
            raise InvalidAnswer(f"{shown(self._url)}: {why}") from None
        return channel

    async def _post(self, url: str, message: bytes) -> None:
        if self._messages is None:
            self._messages = Endpoint(url, self._settings, self._url)
        headers = {"content-type": JSON_TYPE, "accept": f"{JSON_TYPE}, {SSE_TYPE}"}
        reply = await self._messages.request("POST", headers, message, replayable=False)
        try:
            if reply.status == 404:
                # The address of a stream that has ended: there is nothing to renew but the whole conversation.
                raise ConnectionClosed(f"{shown(url)}: HTTP 404: the server knows no such conversation")
            if reply.status >= 300:
                raise await _refusal(url, reply)
            with reply:
                return  # 202 as a rule; the answer comes on the stream
        except HttpError as error:
            raise self._messages.broken(error) from error

    async def aclose(self) -> None:
        """Close both."""
        await self._stream.aclose()
        if self._messages is not None:
            await self._messages.aclose()


async def _refusal(url: str, reply: HttpReply) -> ClientError:
    if reply.status < 300:
        with reply:
            return InvalidAnswer(f"{shown(url)}: HTTP {reply.status}, and no event stream")
    try:
        with reply:
            body = await reply.read(_QUOTED)
    except HttpError:
        body = b""
    return HttpRefused(reply.status, body.decode(errors="replace"), reply.headers)
