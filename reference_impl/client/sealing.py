"""The client's side of sealed messages: the agreement before the first message, where the settings hold keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from reference_impl.client.channel_wire import ChannelWire
from reference_impl.client.errors import ConnectionClosed
from reference_impl.client.settings import ClientSettings
from reference_impl.transports.messages import MessageChannel
from reference_impl.transports.sealed import SealBroken, SealedChannel, seal

__all__ = ["sealed"]


async def sealed(
    channel: MessageChannel, settings: ClientSettings, explain: Callable[[], Awaitable[str]]
) -> ChannelWire:
    """Return a wire over `channel`, sealed if the settings hold keys. Raises `ConnectionClosed`."""
    if settings.seal is None:
        return ChannelWire(channel, explain)
    try:
        inner = await seal(channel, settings.seal, "client")
    except SealBroken as error:
        await channel.aclose()
        raise ConnectionClosed(f"the conversation cannot be sealed: {error}") from None
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        why = await explain()
        await channel.aclose()
        raise ConnectionClosed(f"the conversation cannot be sealed: {why}") from None
    except BaseException:
        with anyio.CancelScope(shield=True):
            await channel.aclose()
        raise
    return ChannelWire(inner, lambda: _explained(inner, explain))


async def _explained(channel: SealedChannel, explain: Callable[[], Awaitable[str]]) -> str:
    return f"the seal was broken: {channel.failure}" if channel.failure is not None else await explain()
