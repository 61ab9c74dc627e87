"""A TCP connection to a name that may stand for several addresses: each gets a short lead on the next (RFC 8305)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from reference_impl.transports.http_terms import ConnectFailed, Origin, why_not_connected

__all__ = ["Resolve", "dial"]

Resolve = Callable[[str, int], Awaitable[list[Any]]]
"""Takes a host name and a port; returns addresses as `socket.getaddrinfo` does, or raises `OSError`."""

_LEAD = 0.25
"""Seconds before the next address is tried beside the last (RFC 8305, section 5)."""


async def dial(
    origin: Origin, admits: Callable[[str], bool] | None = None, resolve: Resolve | None = None
) -> socket.socket:
    """Return a connected, non-blocking socket. Raises `ConnectFailed` with the reason of the first address.

    No address is tried that `admits` does not let pass, and those that pass are connected to without asking `resolve`
    (the system's resolver, if None) again: a name that answers differently the second time gains nothing.
    """
    try:
        addresses = await (resolve or _looked_up)(origin.host, origin.port)
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(f"{origin.authority}: {why_not_connected(error)}") from error
    if admits is not None:
        addresses = [address for address in addresses if admits(str(address[4][0]))]
    if not addresses:
        raise ConnectFailed(f"{origin.authority}: its address must not be connected to from here")
    race = _Race()
    try:
        await (race.attempt(addresses[0]) if len(addresses) == 1 else race.run(addresses))
    except BaseException:
        race.abandon()
        raise
    if race.winner is None:
        reason = race.failures[0]
        raise ConnectFailed(f"{origin.authority}: {why_not_connected(reason)}") from reason
    return race.winner


async def _looked_up(host: str, port: int) -> list[Any]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


class _Race:
    """Attempts at the addresses of one name; the first that stands wins."""

    def __init__(self) -> None:
        self.winner: socket.socket | None = None
        self.failures: list[OSError] = []
        self._scope = anyio.CancelScope()

    async def run(self, addresses: list[Any]) -> None:
        """Try each address a little after the last, or as soon as that has failed, until one stands."""
        with self._scope:  # a winner ends it, and with it the attempts that hang
            async with anyio.create_task_group() as tasks:
                for address in addresses:
                    over = anyio.Event()
                    tasks.start_soon(self.attempt, address, over)
                    with anyio.move_on_after(_LEAD):
                        await over.wait()

    def abandon(self) -> None:
        """Close what nobody takes any more."""
        if self.winner is not None:
            self.winner.close()

    async def attempt(self, address: Any, over: anyio.Event | None = None) -> None:
        """Try one address."""
        family, kind, protocol, _, where = address
        try:
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(0)
        except OSError as error:  # a family that this machine does not have
            self.failures.append(error)
        else:
            await self._connect(connection, where)
        if over is not None:
            over.set()

    async def _connect(self, connection: socket.socket, where: Any) -> None:
        kept = False
        try:
            await asyncio.get_running_loop().sock_connect(connection, where)
            kept = self.winner is None
            self.winner = self.winner or connection
            self._scope.cancel()
        except OSError as error:
            self.failures.append(error)
        finally:
            if not kept:
                connection.close()
