"""Handlers that use time limits, cancel scopes, task groups and context variables, over real connections: however a
request is begun and carried on, they work as in any task."""

import asyncio
import contextvars

import anyio
import pytest

from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import MCPApplication
from tests.reference_impl.server.conftest import modern_request
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio
PATIENCE = 10
COLOUR = contextvars.ContextVar("colour", default="none")


class Tools:
    """What is called: each waits `steps` turns of the loop where it may or may not wait."""

    def __init__(self, steps):
        self._steps = steps

    async def _turns(self):
        for _ in range(self._steps):
            await asyncio.sleep(0)

    async def _fail(self):
        await self._turns()
        raise ValueError("on purpose")

    async def time_limit(self):
        await self._turns()
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(PATIENCE)
        except TimeoutError:
            return f"over {asyncio.current_task().cancelling()}"

    async def cancel_scope(self):
        with anyio.move_on_after(0.01) as scope:
            await self._turns()
            await anyio.sleep(PATIENCE)
        await self._turns()
        return f"over {scope.cancelled_caught}"

    async def cancelled_before(self):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await self._turns()
            await anyio.sleep(PATIENCE)
        return f"over {scope.cancelled_caught}"

    async def task_group(self):
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fail())
                await asyncio.sleep(PATIENCE)
        except* ValueError:
            await self._turns()
        return f"over {asyncio.current_task().cancelling()}"

    async def task_group_of_anyio(self):
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._fail)
                await anyio.sleep(PATIENCE)
        except* ValueError:
            await self._turns()
        return f"over {asyncio.current_task().cancelling()}"

    async def context_variables(self, colour: str):
        before = COLOUR.get()
        COLOUR.set(colour)
        task = asyncio.current_task()
        await self._turns()
        inside = await asyncio.to_thread(COLOUR.get) if self._steps else COLOUR.get()
        return f"{before} {COLOUR.get()} {inside} {task is asyncio.current_task()}"


def make_server(steps):
    server = AdvancedMCPServer("s")
    for name in (name for name in vars(Tools) if not name.startswith("_")):
        server.tool(name)(getattr(Tools(steps), name))
    return server


def calling(tool, arguments=None):
    body, fields = modern_request("tools/call", {"name": tool, "arguments": arguments or {}})
    data = encode_json(body)
    head = [
        "POST /mcp HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        "accept: application/json",
        *(f"{name}: {value}" for name, value in fields.items()),
        f"content-length: {len(data)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + data


async def call(port, tool, arguments=None, times=1):
    """Call a tool several times over one connection; return the texts of its results."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    texts = []
    async with asyncio.timeout(PATIENCE):
        for _ in range(times):
            writer.write(calling(tool, arguments))
            answer = await reader.readuntil(b"\r\n\r\n")
            size = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            texts.append(decode_json(await reader.readexactly(size))["result"]["content"][0]["text"])
    writer.close()
    return texts


@pytest.fixture(params=[0, 1, 3])
async def port(request):
    async with serving(MCPApplication(make_server(request.param))) as at:
        yield at.port


@pytest.mark.parametrize(
    ("tool", "result"),
    [
        ("time_limit", "over 0"),
        ("cancel_scope", "over True"),
        ("cancelled_before", "over True"),
        ("task_group", "over 0"),
        ("task_group_of_anyio", "over 0"),
    ],
)
async def test_what_is_structured_holds(port, tool, result):
    assert await call(port, tool, times=3) == [result] * 3


async def test_context_variables_are_those_of_one_request(port):
    assert await call(port, "context_variables", {"colour": "red"}, times=3) == ["none red red True"] * 3


async def test_a_client_that_leaves_cancels_what_it_asked_for():
    server = AdvancedMCPServer("s")
    entered, left = asyncio.Event(), asyncio.Event()

    @server.tool("stay")
    async def stay():
        entered.set()
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            left.set()

    async with serving(MCPApplication(server)) as at, asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(calling("stay"))
        await entered.wait()
        writer.close()
        await left.wait()
