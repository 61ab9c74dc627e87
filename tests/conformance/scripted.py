"""A server of a few lines in memory, and a suite of its own, so that tests of the engine hang on no check of ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import anyio

from conformance.catalogue import Catalogue, Requirement
from conformance.check import Check, CheckBody, Monitor, MonitorBody, Sharing
from conformance.eras import Eras
from conformance.expect import Mismatch
from conformance.patience import Patience
from conformance.runner import Plan, run_checks
from conformance.suite import Suite
from conformance.target import MemoryTarget
from conformance.transcript import Conversation
from reference_impl.protocol.lines import LineReader
from reference_impl.protocol.revisions import ALWAYS, LATEST, LATEST_LEGACY, Window
from reference_impl.transports.memory import MemoryChannel, memory_pair
from reports.records import Verdict

BRISK = Patience(start=5, answer=5, quiet=0.05, stop=1, check=5, run=20)
HASTY = Patience(start=0.3, answer=0.3, quiet=0.05, stop=1, check=2, run=20)

Message = dict[str, Any]
Handler = Callable[["Wire", Message], Awaitable[None]]

ROWS = {
    row.id: row
    for row in (
        Requirement("rule", "MUST", "server", "basic/index#rule", "The server keeps the rule.", ALWAYS),
        Requirement("habit", "SHOULD", "server", "basic/index#habit", "The server has the habit.", ALWAYS),
        Requirement("counsel", "advice", "server", "field experience", "The server takes counsel.", ALWAYS),
        Requirement("tools", "MUST", "server", "server/tools#rule", "Tools are tools.", ALWAYS, requires="tools"),
        Requirement(
            "subscribe", "MUST", "server", "server/r#s", "It notifies.", ALWAYS, requires="resources.subscribe"
        ),
        Requirement("wire", "MUST", "server", "basic/transports#http", "HTTP is HTTP.", ALWAYS, transport="http"),
        Requirement("news", "MUST", "server", "basic/index#news", "It is new.", Window(since=LATEST.name)),
    )
}
CATALOGUE = Catalogue(ROWS)


class Wire:
    """The server's end of one connection."""

    def __init__(self, channel: MemoryChannel) -> None:
        self.channel = channel
        self.number = 0

    async def raw(self, data: bytes) -> None:
        await self.channel.send(data)

    async def say(self, message: Any) -> None:
        await self.raw(json.dumps(message).encode() + b"\n")

    async def reply(self, request: Message, result: Any) -> None:
        await self.say({"jsonrpc": "2.0", "id": request["id"], "result": result})

    async def refuse(self, request: Message, code: int = -32601) -> None:
        await self.say({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": "no"}})

    async def leave(self) -> None:
        await self.channel.aclose()


class Scripted:
    """Answers `initialize` and `ping`, and whatever `on` has a handler for; keeps what it heard.

    Answers to questions of its own go to the handler of the method "", if there is one.
    """

    def __init__(self, on: dict[str, Handler] | None = None, capabilities: Message | None = None) -> None:
        self.on = on or {}
        self.capabilities = capabilities or {}
        self.version = LATEST_LEGACY.name
        self.connections = 0
        self.heard: list[Message] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def target(self) -> MemoryTarget:
        return MemoryTarget("scripted", self.open)

    async def open(self) -> MemoryChannel:
        ours, theirs = memory_pair()
        self.connections += 1
        wire = Wire(theirs)
        wire.number = self.connections
        task = asyncio.get_running_loop().create_task(self._serve(wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ours

    async def _serve(self, wire: Wire) -> None:
        lines = LineReader()
        try:
            while True:
                for line in lines.feed(await wire.channel.receive()):
                    await self._take(wire, line)
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            await wire.leave()

    async def _take(self, wire: Wire, line: Any) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        if "method" not in message:
            if "" in self.on:
                await self.on[""](wire, message)
            return
        self.heard.append(message)
        handler = self.on.get(message["method"])
        if handler is not None:
            await handler(wire, message)
        elif message["method"] == "initialize":
            await wire.reply(message, self.greeting())
        elif message["method"] == "ping":
            await wire.reply(message, {})
        elif "id" in message:
            await wire.refuse(message)

    def greeting(self) -> Message:
        info = {"name": "scripted", "version": "1"}
        return {"protocolVersion": self.version, "capabilities": self.capabilities, "serverInfo": info}


def make_check(body: CheckBody, identifier: str = "it", *requirements: str, sharing: Sharing = Sharing.SHARED) -> Check:
    return Check(identifier, requirements or ("rule",), sharing, body, "It holds.")


def make_monitor(body: MonitorBody, identifier: str = "watch", *requirements: str) -> Monitor:
    return Monitor(identifier, requirements or ("rule",), body, "It holds for all traffic.")


def nothing_wrong(conversation: Conversation) -> Iterator[Mismatch | None]:
    yield from (None for _ in conversation.received())


def make_suite(*items: Check | Monitor) -> Suite:
    checks = tuple(item for item in items if isinstance(item, Check))
    return Suite(checks, tuple(item for item in items if isinstance(item, Monitor)), CATALOGUE)


def judged(
    server: Scripted, items: Sequence[Check | Monitor], patience: Patience = BRISK, detected: list[Eras] | None = None
) -> dict[str, Verdict]:
    """Run checks and monitors on a server; the verdicts by id, each given once."""
    verdicts: list[Verdict] = []
    eras = [] if detected is None else detected
    plan = Plan(server.target, verdicts.append, eras.append, patience=patience, suite=make_suite(*items))
    try:
        anyio.run(run_checks, plan)
    finally:
        identifiers = [verdict.check for verdict in verdicts]
        assert len(set(identifiers)) == len(identifiers), f"a check was judged twice: {identifiers}"
    return {verdict.check: verdict for verdict in verdicts}
