"""Sealed messages over any message channel: lines of standard streams, a WebSocket, memory.

Both sides have to wrap their end; a peer that sends plain messages is refused, and never answered in plain text.
"""

from __future__ import annotations

import secrets

import anyio

from reference_impl.protocol.sealing import NONCE_SIZE, Cipher, Envelopes, Role, SealError
from reference_impl.transports.messages import MessageChannel

__all__ = ["SealBroken", "SealedChannel", "seal"]

PATIENCE = 10.0
"""Seconds that the peer gets to answer the hello."""


class SealBroken(anyio.BrokenResourceError):
    """The peer does not seal, or not with these keys, or somebody meddles; `str()` of it says which, in one line."""


class SealedChannel:
    """A message channel whose messages nobody else can read, change, repeat or reorder; `seal` makes one.

    `failure` is why it broke, once it has.
    """

    def __init__(self, channel: MessageChannel, envelopes: Envelopes) -> None:
        self._channel = channel
        self._envelopes = envelopes
        self._sending = anyio.Lock()
        self.failure: str | None = None

    async def send(self, message: bytes) -> None:
        """Seal and send one message. Raises `SealBroken` once the peer has broken the seal, or as the channel does."""
        # Envelopes have to leave in the order of their numbers.
        async with self._sending:
            if self.failure is not None:
                raise SealBroken(self.failure)
            await self._channel.send(self._envelopes.seal(message))

    async def receive(self) -> bytes:
        """Return the next message. Raises `SealBroken` for all but the peer's next envelope, `anyio.EndOfStream`."""
        if self.failure is not None:
            raise SealBroken(self.failure)
        try:
            return self._envelopes.open(await self._channel.receive())
        except SealError as error:
            self.failure = str(error)
            raise SealBroken(self.failure) from None

    async def aclose(self) -> None:
        """Close the channel beneath."""
        await self._channel.aclose()


async def seal(channel: MessageChannel, cipher: Cipher, role: Role, patience: float = PATIENCE) -> SealedChannel:
    """Agree with the peer to seal, and return the sealed channel; a client speaks first.

    Closes nothing. Raises `SealBroken` if the peer answers anything but a hello under these keys, or nothing within
    `patience` seconds; an `anyio` resource error if it goes away.
    """
    envelopes = Envelopes(cipher, role, secrets.token_bytes(NONCE_SIZE))
    try:
        with anyio.fail_after(patience):
            if role == "client":
                await channel.send(envelopes.hello())
            envelopes.greeted(await channel.receive())
            if role == "server":
                await channel.send(envelopes.hello())
    except SealError as error:
        raise SealBroken(str(error)) from None
    except TimeoutError:
        raise SealBroken(f"no hello came within {patience:g} s: the peer does not seal its messages") from None
    return SealedChannel(channel, envelopes)
