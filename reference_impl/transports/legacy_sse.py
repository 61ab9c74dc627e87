"""HTTP with SSE, the transport of 2024-11-05, as a message channel of the client: events come in, messages are posted.

Who sends the HTTP requests is the caller's business: it has the headers and the authorization.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio

from reference_impl.protocol.errors import ProtocolError
from reference_impl.protocol.legacy_sse import LegacySseReader
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import HttpError

__all__ = ["LegacySseChannel", "Post"]

Post = Callable[[str, bytes], Awaitable[None]]
"""Posts one message to a URL, and returns once the server has taken it."""


class LegacySseChannel:
    """The stream of events and the address that it named; wait for `opened` first.

    `failure` is why the stream ended, where it did not just end. `leave` closes what carries it.
    """

    def __init__(
        self, reply: HttpReply, reader: LegacySseReader, post: Post, leave: Callable[[], Awaitable[None]]
    ) -> None:
        self._reply = reply
        self._reader = reader
        self._post = post
        self._leave = leave
        self._messages: deque[bytes] = deque()
        self._closed = False
        self.failure: str | None = None

    async def opened(self) -> None:
        """Wait until the server has named its address. Raises `anyio.EndOfStream`, `anyio.BrokenResourceError`."""
        while self._reader.endpoint is None:
            await self._read()

    async def send(self, message: bytes) -> None:
        """Post one message. Raises `anyio.ClosedResourceError` after `aclose`, and whatever the posting raises."""
        if self._closed:
            raise anyio.ClosedResourceError
        assert self._reader.endpoint is not None
        await self._post(self._reader.endpoint, message)

    async def receive(self) -> bytes:
        """Return the next message. Raises `anyio.EndOfStream`, `anyio.BrokenResourceError`."""
        while not self._messages:
            await self._read()
        return self._messages.popleft()

    async def _read(self) -> None:
        try:
            chunk = await self._reply.chunk()
            if chunk is not None:
                self._messages.extend(self._reader.feed(chunk))
                return
        except (HttpError, ProtocolError) as error:
            self.failure = str(error)
            raise anyio.BrokenResourceError from error
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Close the stream, which ends the conversation."""
        self._closed = True
        with suppress(HttpError):
            await self._leave()
