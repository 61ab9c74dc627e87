"""The reference client on a channel in memory, with calls that run side by side and a peer that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import anyio

from reference_impl.client import CallOptions, ClientConnection, ClientError, ClientSettings, Filter, Handlers, connect
from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.messages import encode_json
from reference_impl.protocol.revisions import Revision
from reference_impl.server import AdvancedMCPServer
from reference_impl.transports.memory import memory_pair
from tests.reference_impl.machine.lines import serve
from tests.reference_impl.machine.offered import FIXED, Gates
from tests.reference_impl.machine.requests import JOBS
from tests.reference_impl.machine.runs import MARKER, Runs
from tests.reference_impl.machine.wiretap import Tapped, Wiretap
from tests.reference_impl.machine.world import World

TIMEOUT = 30.0
MAXIMUM = 60.0
TASK_TIMEOUT = 120.0
FAREWELL = 2.0
"""Seconds that telling a server of a cancellation may take beyond the deadline, rounded up."""
IMPOSTORS = ("other type", "answered before", "never asked", "progress of nobody")
_PROGRESS = "notifications/progress"
_IMPOSTOR = {"resultType": "complete", "content": [{"type": "text", "text": "impostor"}]}


@dataclass(slots=True)
class Call:
    """One call of the client: its task, when it must have settled, what its result has to hold, the marker of its
    requests, the progress it heard of. `mrtr`: it may wait for its own user, and not for the server; `polls`: it may
    sleep between two looks at its task."""

    task: asyncio.Task[Any]
    latest: float
    expected: str | None
    marker: str
    progress: list[float]
    mrtr: bool = False
    polls: bool = False
    given_up: bool = False


class Machine(Protocol):
    """What a client needs of the machine that it lives in."""

    world: World
    gates: Gates
    runs: Runs
    server: AdvancedMCPServer


class ReferenceClient:
    """One connection of the reference client, held open by a task until it is told to close."""

    def __init__(self, machine: Machine, revision: Revision | None) -> None:
        world, self._gates, self._runs = machine.world, machine.gates, machine.runs
        self._world = world
        self.tap = Wiretap(world)
        self.near, self.far = memory_pair()
        self.connection: ClientConnection | None = None
        self.calls: list[Call] = []
        self.closed = self._cut_off = False
        self._closing = asyncio.Event()
        self.serving = world.start(serve(machine.server, Tapped(self.far, self.tap)))
        self._settings = ClientSettings(
            revisions=ClientSettings().revisions if revision is None else (revision,),
            handlers=Handlers(self._sample, self._elicit, self._roots, ("form", "url")),
            timeout=TIMEOUT,
            maximum=MAXIMUM,
            task_timeout=TASK_TIMEOUT,
        )
        self.holding = world.start(self._hold())

    async def _hold(self) -> None:
        with suppress(ClientError):
            async with connect(self.near, self._settings) as connection:
                self.connection = connection
                await self._closing.wait()

    async def _elicit(self, params: dict[str, Any]) -> dict[str, Any]:
        await self._gates.wait()
        return {"action": "accept", "content": {"name": params["message"]}}

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
        marker = self._world.unique()
        progress: list[float] = []
        options = CallOptions(meta={MARKER: marker}, on_progress=lambda told: progress.append(told.progress))
        coroutine, expected = self._coroutine(connection, what, options)
        # Who listens does so until something changes, and a handler of the client's own may wait for its user.
        asks = what in ("elicit", "twice", "asking_job")
        latest = float("inf") if asks or what == "listen" else self._world.now + MAXIMUM + FAREWELL
        latest += TASK_TIMEOUT if what in JOBS else 0
        mrtr = asks and connection.revision.modern
        self.calls.append(Call(self._world.start(coroutine), latest, expected, marker, progress, mrtr, what in JOBS))

    def _coroutine(
        self, connection: ClientConnection, what: str, options: CallOptions
    ) -> tuple[Coroutine[Any, Any, Any], str | None]:
        marker = str(options.meta[MARKER])
        reference = {"type": "ref/prompt", "name": "greet"}
        named: dict[str, tuple[Callable[[], Coroutine[Any, Any, Any]], str | None]] = {
            "echo": (lambda: connection.call_tool("echo", {"text": marker}, options), marker),
            "list": (lambda: connection.list_tools(options), None),
            "read": (lambda: connection.read_resource(FIXED, options), None),
            "prompt": (lambda: connection.get_prompt("greet", {"name": marker}, options), marker),
            "complete": (lambda: connection.complete(reference, "name", "x", options=options), None),
            "listen": (lambda: _listen(connection), None),
            "ping": (connection.ping, None),
            "slow read": (lambda: connection.read_resource(f"mem://slow/{marker}", options), marker),
            "flood": (lambda: connection.call_tool("flood", {"count": 20}, options), None),
            "start": (lambda: connection.start_tool("job", {}, options), None),
        }
        make, expected = named.get(what, (lambda: connection.call_tool(what, None, options), None))
        return make(), expected

    def cancel(self, which: int) -> None:
        """Cancel a call that is under way; its handler ends as well."""
        under_way = [call for call in self.calls if not (call.task.done() or call.given_up)]
        if under_way:
            call = under_way[which % len(under_way)]
            call.given_up = True
            call.task.cancel()
            if self.alive or not call.polls:  # a task whose server cannot be told goes on for its time
                self._runs.doom(call.marker, FAREWELL)

    def cancel_the_endless(self) -> None:
        """Cancel those that need not settle by themselves."""
        for call in self.calls:
            if call.latest == float("inf") and not call.task.done():
                call.given_up = True
                call.task.cancel()

    # A peer that misbehaves ---------------------------------------------------------------------

    def inject(self, data: bytes) -> None:
        """Let the client read what no server should have written."""
        self.tap.injected(data)
        self._world.start(self._inject(data))

    def impersonate(self, kind: str, which: int) -> None:
        """Let the client read an answer or progress that looks like one that it waits for, and is none."""
        waiting = sorted(key[1] for key in self.tap.waiting)
        settled = [key[1] for key, sent in self.tap.requests.items() if not sent.open]
        number = waiting[-1] if waiting else 1
        messages: dict[str, dict[str, Any]] = {
            "other type": {"id": str(number), "result": _IMPOSTOR},
            "answered before": {"id": settled[which % len(settled)] if settled else 10_000, "result": _IMPOSTOR},
            "never asked": {"id": 10_000 + which, "result": _IMPOSTOR},
            "progress of nobody": {"method": _PROGRESS, "params": {"progressToken": 10_000, "progress": 1}},
        }
        stale = {"method": _PROGRESS, "params": {"progressToken": number, "progress": -which}}
        for message in (stale, messages[kind]):
            self._world.start(self._inject(encode_json({"jsonrpc": "2.0"} | message) + b"\n"))

    async def _inject(self, data: bytes) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self.far.send(data)

    def cut(self) -> None:
        """End the connection on the server's side, in the middle of a line: no call has anything left to wait for."""
        for call in self.calls:
            if not call.mrtr:
                call.latest = min(call.latest, self._world.now + (FAREWELL if call.polls else 0))
        self._cut_off = True
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
            assert all(call.progress[i] < call.progress[i + 1] for i in range(len(call.progress) - 1)), (
                f"progress that does not rise reaches a call: {call}"
            )
            if call.task.done():
                self.calls.remove(call)
                self._check_over(call)
            else:
                assert self._world.now < call.latest, f"a call outlives its deadline or its connection: {call}"
        for task in (self.serving, self.holding):
            if task.done() and not task.cancelled():
                task.result()
        if self.alive and self._wire is not None:
            waiting = set(self._wire._calls._slots)
            assert waiting <= self.tap.waiting, f"the client waits for what is over: {waiting - self.tap.waiting}"

    def _check_over(self, call: Call) -> None:
        if self.alive:
            hanging = self.tap.hanging(call.marker)
            assert not hanging, f"a call is over, and its request is neither answered nor cancelled: {hanging}"
        if call.task.cancelled():
            assert call.given_up or self.holding.done(), f"a call was cancelled that nobody gave up: {call}"
            return
        error = call.task.exception()
        if error is not None:
            assert isinstance(error, ClientError), f"a call ends with {error!r}"
            return
        result = str(call.task.result())
        right = "impostor" not in result and (call.expected is None or call.expected in result)
        assert right, f"another call's answer: {result} for {call}"

    @property
    def alive(self) -> bool:
        """Whether both sides hold on to the connection."""
        return not (self.closed or self._cut_off or self.serving.done() or self.holding.done())

    @property
    def _wire(self) -> Any:
        return None if self.connection is None else self.connection._requester.caller.wire

    def check_left(self) -> None:
        """Complain of anything that is left after the end."""
        assert self.serving.done(), "the server goes on without its client"
        assert self.holding.done(), "the connection never closes"
        if self.connection is None:
            return
        caller, dispatcher = self.connection._requester.caller, self.connection._dispatcher
        kept = (caller._watched, caller._heard, caller._deadlines._deadlines, caller.wire._calls._slots)
        known = (dispatcher._answering, dispatcher.subscriptions._open, dispatcher._task_answers._running)
        assert not any((*kept, *known, dispatcher._questions)), f"the client remembers what is over: {kept} {known}"


async def _listen(connection: ClientConnection) -> None:
    async with connection.listen(Filter(tools=True, uris=(FIXED,))) as news:
        async for _ in news:
            return
