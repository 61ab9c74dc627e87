"""Tasks of the everything server over HTTP, where every request is a connection of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from reference_impl.client import CallOptions, ClientSettings, Handlers, RequestFailed, TaskCancelled, connect
from reference_impl.protocol.revisions import R2025_11_25, R2026_07_28

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "reference_impl.servers.everything", "--transport", "http", "--port", "0")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of an everything server."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(COMMAND, stderr=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().strip()
        finally:
            process.terminate()


async def confirm(_):
    return {"action": "accept", "content": {"confirm": True, "name": "Ada"}}


@pytest.fixture(params=[R2025_11_25, R2026_07_28], ids=str)
async def client(request, endpoint):
    handlers = Handlers(elicitation=confirm, takes_tasks=True)
    async with connect(endpoint, ClientSettings(revisions=(request.param,), handlers=handlers)) as client:
        await client.list_tools()
        yield client


async def text(client, tool, **arguments):
    return (await client.call_tool(tool, arguments))["content"][0]["text"]


async def test_tasks_are_followed_asked_and_answered(client):
    with anyio.fail_after(20):
        assert await text(client, "slow_compute", seconds=0.05, label="tea") == "Computed tea for 0.05 s"
        assert await text(client, "test_tool_with_task") == "Hello, Ada"
        assert (await client.call_tool("failing_job"))["isError"] is True
        with pytest.raises(RequestFailed, match="protocol error"):
            await client.call_tool("protocol_error_job")


async def test_a_task_in_hand_asks_and_ends(client):
    with anyio.fail_after(20):
        task = await client.start_tool("multi_input")
        seen = []
        options = CallOptions(on_status=lambda state: seen.append(state.status.value))
        result = await client.tasks.wait(task.id, options)
        assert result["content"][0]["text"] == "name: accept, confirm: accept"
        assert "input_required" in seen


async def test_a_task_in_hand_is_cancelled(client):
    with anyio.fail_after(20):
        task = await client.start_tool("slow_compute", {"seconds": 300})
        await client.tasks.cancel(task.id)
        with pytest.raises(TaskCancelled):
            await client.tasks.wait(task.id)


async def test_a_question_may_become_a_task_of_the_clients(client):
    with anyio.fail_after(20):
        assert await text(client, "ask_at_leisure") == "accept: Ada"
