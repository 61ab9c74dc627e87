"""Tasks of 2025-11-25 with strangers: our client with the TypeScript `server-everything`, which asks for tasks in its
turn; the official Python SDK's client with our everything server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from reference_impl.client import CallOptions, ClientSettings, Handlers, StdioCommand, connect
from tests.interop.conversation import HANDLERS, texts
from tests.interop.strangers import ROOT, Strangers, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # the first test may have to install a stranger

SCRIPT = "@modelcontextprotocol/server-everything/dist/index.js"
SERVE = (sys.executable, "-m", "touchstone", "serve", "everything")


async def technical(params: dict[str, object]) -> dict[str, object]:
    content = {"interpretation": "technical"} if "interpretation" in str(params) else {"name": "Ada"}
    return {"action": "accept", "content": content}


def taking(**more: object) -> ClientSettings:
    handlers: Handlers = replace(HANDLERS, elicitation=technical, takes_tasks=True)
    return ClientSettings(handlers=handlers, **more)


@pytest.fixture
def everything(strangers: Strangers) -> StdioCommand:
    return StdioCommand((*strangers.node("everything", SCRIPT), "stdio"))


async def test_a_tool_that_runs_as_a_task_alone_asks_and_ends(everything: StdioCommand) -> None:
    seen: list[str] = []
    options = CallOptions(on_status=lambda task: seen.append(task.status.value))
    async with connect(everything, taking()) as client:
        await client.list_tools()  # this server tells of a tool that runs as a task alone by a result, not by the error
        result = await client.call_tool("simulate-research-query", {"topic": "tea", "ambiguous": True}, options)
    assert "Research Report: tea (technical)" in texts(result)[0]
    assert seen[0] == "working"
    assert "input_required" in seen


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("trigger-sampling-request-async", {"prompt": "6 * 7"}, "forty-two"),
        ("trigger-elicitation-request-async", {}, "Ada"),
    ],
)
async def test_what_a_server_asks_for_as_a_task_it_gets(
    everything: StdioCommand, tool: str, arguments: dict[str, object], said: str
) -> None:
    async with connect(everything, taking()) as client:
        result = await client.call_tool(tool, arguments)
    assert "[COMPLETED]" in texts(result)[0]
    assert said in " ".join(texts(result))


@pytest.fixture(params=["stdio", "http"])
def address(request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    if request.param == "stdio":
        yield ("stdio", *SERVE)
        return
    with serving((*SERVE, "--transport", "http", "--port", "0"), r"http://\S+") as url:
        yield ("http", url)


def test_the_python_sdks_client_follows_our_tasks(strangers: Strangers, address: tuple[str, ...]) -> None:
    command = (*strangers.python("mcp1", "client_mcp1_tasks.py"), *address)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["computed"]["seen"][-1] == "completed"
    assert found["computed"]["text"] == "Computed work for 0.05 s"
    assert found["confirmed"]["seen"][-1] == "input_required"
    assert found["confirmed"]["text"] == "a.txt would be deleted"
    assert (found["failed"]["seen"][-1], found["failed"]["isError"]) == ("failed", True)
    assert found["cancelled"] == ["cancelled", -32602]
    assert found["listed"] == 4
