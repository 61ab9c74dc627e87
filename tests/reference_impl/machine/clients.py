"""The reference client on a channel in memory, with calls that run side by side and a peer that misbehaves."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio

from reference_impl.client import ClientConnection, ClientError, ClientSettings, Filter, Handlers, connect
from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.revisions import Revision
from reference_impl.server import AdvancedMCPServer
from reference_impl.transports.memory import memory_pair
from tests.reference_impl.machine.lines import serve
from tests.reference_impl.machine.offered import FIXED, Gates
from tests.reference_impl.machine.world import World

TIMEOUT = 30.0
MAXIMUM = 60.0
FAREWELL = 2.0
"""Seconds that telling a server of a cancellation may take beyond the deadline, rounded up."""


@dataclass(slots=True)
class Call:
    """One call of the client: its task, when it must have settled, and what its result has to hold."""

    task: asyncio.Task[Any]
    latest: float
    marker: str | None
    given_up: bool = False


class ReferenceClient:
    """One connection of the reference client, held open by a task until it is told to close."""

    def __init__(self, world: World, server: AdvancedMCPServer, gates: Gates, revision: Revision | None) -> None:
        self._world, self._gates = world, gates
        self.near, self.far = memory_pair()
        self.connection: ClientConnection | None = None
        self.calls: list[Call] = []
        self.closed = False
        self._closing = asyncio.Event()
        self._markers = itertools.count()
        self.serving = world.start(serve(server, self.far))
        self._settings = ClientSettings(
            revisions=ClientSettings().revisions if revision is None else (revision,),
            handlers=Handlers(self._sample, self._elicit, self._roots, ("form", "url")),
            timeout=TIMEOUT,
            maximum=MAXIMUM,
        )
        self.holding = world.start(self._hold())

    async def _hold(self) -> None:
        with suppress(ClientError):
            async with connect(self.near, self._settings) as connection:
                self.connection = connection
                await self._closing.wait()

    async def _elicit(self, _params: dict[str, Any]) -> dict[str, Any]:
        await self._gates.wait()
        return {"action": "accept", "content": {"name": "x"}}

    async def _sample(self, _params: dict[str, Any]) -> dict[str, Any]:
        raise RemoteProtocolError(-1, "the user said no")

    async def _roots(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"roots": [{"uri": "file:///x"}]}

    # Calls --------------------------------------------------------------------------------------

    def call(self, what: str) -> None:
        """Begin a call, if there is a connection."""
        connection = self.connection
        if connection is None or self.closed:
            return
        marker = f"{id(self)}-{next(self._markers)}"
        coroutine, expected = self._coroutine(connection, what, marker)
        # Who listens does so until something changes, and a handler of the client's own may wait for its user.
        endless = what in ("elicit", "twice", "listen")
        latest = float("inf") if endless else self._world.now + MAXIMUM + FAREWELL
        self.calls.append(Call(self._world.start(coroutine), latest, expected))

    def _coroutine(
        self, connection: ClientConnection, what: str, marker: str
    ) -> tuple[Coroutine[Any, Any, Any], str | None]:
        named: dict[str, tuple[Callable[[], Coroutine[Any, Any, Any]], str | None]] = {
            "echo": (lambda: connection.call_tool("echo", {"text": marker}), marker),
            "list": (connection.list_tools, None),
            "read": (lambda: connection.read_resource(FIXED), None),
            "prompt": (lambda: connection.get_prompt("greet", {"name": marker}), marker),
            "complete": (lambda: connection.complete({"type": "ref/prompt", "name": "greet"}, "name", "x"), None),
            "listen": (lambda: _listen(connection), None),
            "ping": (connection.ping, None),
            "slow read": (lambda: connection.read_resource(f"mem://slow/{marker}"), marker),
        }
        make, expected = named.get(what, (lambda: connection.call_tool(what), None))
        return make(), expected

    def cancel(self, which: int) -> None:
        """Cancel a call that is under way."""
        under_way = [call for call in self.calls if not call.task.done()]
        if under_way:
            call = under_way[which % len(under_way)]
            call.given_up = True
            call.task.cancel()

    def cancel_the_endless(self) -> None:
        """Cancel those that need not settle by themselves."""
        for call in self.calls:
            if call.latest == float("inf") and not call.task.done():
                call.given_up = True
                call.task.cancel()

    # A peer that misbehaves ---------------------------------------------------------------------

    def inject(self, data: bytes) -> None:
        """Let the client read what no server should have written."""
        self._world.start(self._inject(data))

    async def _inject(self, data: bytes) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self.far.send(data)

    def cut(self) -> None:
        """End the connection on the server's side, in the middle of a line: no call has anything left to wait for."""
        for call in self.calls:
            if call.latest < float("inf"):
                call.latest = self._world.now
        self._world.start(self._cut())

    async def _cut(self) -> None:
        await self._inject(b'{"jsonrpc":"2.0","id":1,"resu')
        await self.far.aclose()

    # The end ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave the block of the connection while calls may be under way."""
        self.closed = True
        self._closing.set()

    def check(self) -> None:
        """Raise what calls must not end with, and complain of those that should have ended."""
        for call in list(self.calls):
            if not call.task.done():
                assert self._world.now < call.latest, f"a call outlives its deadline: {call}"
                continue
            self.calls.remove(call)
            if call.task.cancelled():
                assert call.given_up or self.holding.done(), f"a call was cancelled that nobody gave up: {call}"
                continue
            error = call.task.exception()
            if error is None:
                assert call.marker is None or call.marker in str(call.task.result()), "another call's answer"
            else:
                assert isinstance(error, ClientError), f"a call ends with {error!r}"
        for task in (self.serving, self.holding):
            if task.done() and not task.cancelled():
                task.result()


async def _listen(connection: ClientConnection) -> None:
    async with connection.listen(Filter(tools=True, uris=(FIXED,))) as news:
        async for _ in news:
            return
