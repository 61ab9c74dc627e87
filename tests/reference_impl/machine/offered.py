"""The server that the state machines drive: its slow tools end when the test says so."""

from __future__ import annotations

import asyncio
from typing import Any

from reference_impl.server import AdvancedMCPServer, Context, ServerOptions, ToolError
from reference_impl.server.tasks import TaskOptions
from tests.reference_impl.machine.runs import MARKER, Runs

__all__ = ["FIXED", "TASKS", "Gates", "make_server", "toggle"]

FIXED = "mem://fixed"
FORM = {"type": "object", "properties": {"name": {"type": "string"}}}
TASKS = TaskOptions(ttl_ms=60_000, longest_ttl_ms=60_000, most=40, most_of_one=10)
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


class Gates:
    """Where handlers wait."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait for `open`."""
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(gate)
        try:
            await gate
        finally:
            self._waiting.remove(gate)

    def open(self, most: int = 1_000_000) -> None:
        """Let the first `most` go on."""
        for gate in self._waiting[:most]:
            if not gate.done():
                gate.set_result(None)


def make_server(gates: Gates, runs: Runs) -> AdvancedMCPServer:
    """Return a server with a tool for everything that a call can do."""
    server = AdvancedMCPServer("machine", options=ServerOptions(tasks=TASKS))
    server.tasks.clock = runs.clock
    server.add_middleware(runs)
    for add in (_add_plain, _add_waiting, _add_headstrong, _add_changing, _add_others):
        add(server, gates)
    _add_asking(server, runs)
    _add_jobs(server, gates)
    return server


def _add_plain(server: AdvancedMCPServer, _gates: Gates) -> None:
    @server.tool()
    async def echo(text: str) -> str:
        return text

    @server.tool()
    async def fail() -> str:
        raise ToolError("it failed")

    @server.tool()
    async def crash() -> str:
        raise RuntimeError("it broke")

    @server.tool()
    async def unwritable() -> Any:
        return {"type": "text", "text": "\ud800"}

    @server.tool()
    async def log(context: Context) -> str:
        for level in LEVELS:
            context.log(level, level)
        return "logged"


def _add_waiting(server: AdvancedMCPServer, gates: Gates) -> None:
    @server.tool()
    async def wait() -> str:
        await gates.wait()
        return "waited"

    @server.tool()
    async def steps(context: Context) -> str:
        for step in range(3):
            context.progress(step, 3, "working")
            await gates.wait()
        return "done"

    @server.tool()
    async def wavering(context: Context) -> str:
        for step in (2, 1, 2, 3, 3):
            context.progress(step)
            await gates.wait()
        return "there"

    @server.tool()
    async def tidy() -> str:
        try:
            await gates.wait()
        finally:
            await asyncio.sleep(0.5)
        return "tidied"


def _add_headstrong(server: AdvancedMCPServer, gates: Gates) -> None:
    @server.tool()
    async def stubborn(context: Context) -> str:
        try:
            await gates.wait()
        except asyncio.CancelledError:
            context.progress(10)
            context.log("error", "still here")
        return "late"

    @server.tool()
    async def flood(context: Context, count: int) -> str:
        for step in range(count):
            context.progress(step, count, "x" * 2000)
            context.log("info", "y" * 2000)
            await asyncio.sleep(0)
        return "z" * 2000


def _add_asking(server: AdvancedMCPServer, runs: Runs) -> None:
    async def ask(context: Context, key: str, *, as_task: bool = False) -> str:
        asked = f"{key} {context.trace.get(MARKER)}"
        told = await context.elicit(asked, FORM, key, as_task=as_task)
        runs.answered(asked, told)
        return str(told["action"])

    @server.tool()
    async def elicit(context: Context) -> str:
        return await ask(context, "name")

    @server.tool()
    async def sample(context: Context) -> str:
        await context.sample([{"role": "user", "content": {"type": "text", "text": "Hi"}}], 5)
        return "sampled"

    @server.tool()
    async def roots(context: Context) -> str:
        return f"{len(await context.roots())} roots"

    @server.tool()
    async def twice(context: Context) -> str:
        await ask(context, "first")
        await ask(context, "second", as_task=True)
        return "twice"

    @server.tool(taskSupport="optional")
    async def asking_job(context: Context) -> str:
        return await ask(context, "job")


def _add_jobs(server: AdvancedMCPServer, gates: Gates) -> None:
    @server.tool(taskSupport="optional")
    async def job(context: Context) -> str:
        for step in range(2):
            context.progress(step, 2, f"step {step}")
            context.log("info", f"step {step}")
            await gates.wait()
        return "job done"

    @server.tool(taskSupport="required")
    async def required_job() -> str:
        await gates.wait()
        return "job done"

    @server.tool(taskSupport="optional")
    async def failing_job() -> str:
        await gates.wait()
        raise ToolError("the job failed")

    @server.tool(taskSupport="optional", begins="handler")
    async def perhaps_job(context: Context) -> str:
        await gates.wait()
        await context.begin_task()
        await gates.wait()
        return "job done"


def _add_changing(server: AdvancedMCPServer, _gates: Gates) -> None:
    @server.tool()
    async def change() -> str:
        toggle(server)
        return "changed"

    @server.tool()
    async def touch() -> str:
        server.resource_updated(FIXED)
        return "touched"


def _add_others(server: AdvancedMCPServer, gates: Gates) -> None:
    @server.resource(FIXED)
    async def fixed() -> str:
        return "fixed"

    @server.resource("mem://slow/{name}")
    async def slow(name: str) -> str:
        await gates.wait()
        return name

    @server.prompt()
    async def greet(name: str) -> str:
        return f"Hello {name}"

    @server.completion("greet", "name")
    async def names(_typed: str, _known: dict[str, str]) -> list[str]:
        return [f"name{number}" for number in range(150)]


def toggle(server: AdvancedMCPServer) -> None:
    """Change the list of tools."""
    if "extra" in server.tools:
        server.remove("tools", "extra")
    else:
        server.tool("extra")(_extra)


async def _extra() -> str:
    return "extra"


def check_server_left(server: AdvancedMCPServer) -> None:
    """Complain of anything that is left after the last client has gone."""
    hub, tasks = server.hub, server.tasks
    assert (hub.sessions, hub.subscriptions, hub._endings) == (set(), set(), set()), "the hub remembers somebody"
    left = len(tasks), len(tasks._keys), len(tasks._chores), tasks._timer
    assert left == (0, 0, 0, None), f"tasks are left: running, owners, chores, timer {left}"
    kept = [record for record in tasks.store._table._records.values() if record.expires_at <= tasks.now()]
    assert not kept, f"tasks are kept beyond their time: {kept}"
