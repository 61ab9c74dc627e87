"""A bound on what a PostgreSQL server sends for one statement: a single value may be 1 GB, which no bound on rows
stops."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

__all__ = ["Counter", "Lent", "counting_connection"]


class Counter(asyncio.Protocol):
    """Stands between the socket and asyncpg, counts what arrives, and cuts the connection when it is too much."""

    def __init__(self, behind: Any, transport: asyncio.Transport, most: int) -> None:
        self._behind = behind
        self._transport = transport
        self._most = most
        self._arrived = 0
        self.burst = False

    def restart(self) -> None:
        """Count from nothing again."""
        self._arrived = 0

    def data_received(self, data: bytes) -> None:
        """Pass on what arrived, as long as it is not too much."""
        self._arrived += len(data)
        if self._arrived > self._most:
            self.burst = True
            self._transport.abort()
            return
        self._behind.data_received(data)

    def eof_received(self) -> Any:
        """Pass it on."""
        return self._behind.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._behind.resume_writing()


@dataclass(frozen=True, slots=True)
class Lent:
    """A connection of a pool, and its counter."""

    connection: Any
    counter: Counter

    @property
    def closed(self) -> bool:
        """Whether it ended; the pool may have taken it back then, after which it can be asked nothing."""
        import asyncpg

        try:
            return bool(self.connection.is_closed())
        except asyncpg.InterfaceError:
            return True


def counting_connection(most: int) -> Any:
    """Return a class of connections for asyncpg; their `counter` lets `most` bytes through between two restarts."""
    import asyncpg

    class CountingConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
        def __init__(self, protocol: Any, transport: asyncio.Transport, *more: Any) -> None:
            super().__init__(protocol, transport, *more)
            self.counter = Counter(protocol, transport, most)
            transport.set_protocol(self.counter)

    return CountingConnection
