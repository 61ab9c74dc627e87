"""The server that the state machines drive: its slow tools end when the test says so."""

from __future__ import annotations

import asyncio
from typing import Any

from reference_impl.server import AdvancedMCPServer, Context, ToolError

__all__ = ["FIXED", "Gates", "make_server"]

FIXED = "mem://fixed"
FORM = {"type": "object", "properties": {"name": {"type": "string"}}}
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


def make_server(gates: Gates) -> AdvancedMCPServer:
    """Return a server with a tool for everything that a call can do."""
    server = AdvancedMCPServer("machine")
    for add in (_add_plain, _add_waiting, _add_asking, _add_changing, _add_others):
        add(server, gates)
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


def _add_asking(server: AdvancedMCPServer, _gates: Gates) -> None:
    @server.tool()
    async def elicit(context: Context) -> str:
        return str((await context.elicit("Name?", FORM))["action"])

    @server.tool()
    async def sample(context: Context) -> str:
        await context.sample([{"role": "user", "content": {"type": "text", "text": "Hi"}}], 5)
        return "sampled"

    @server.tool()
    async def roots(context: Context) -> str:
        return f"{len(await context.roots())} roots"

    @server.tool()
    async def twice(context: Context) -> str:
        await context.elicit("Name?", FORM, "first")
        await context.elicit("Again?", FORM, "second")
        return "twice"


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
