"""Tasks of 2026-07-28 with FastMCP, which has the extension on both sides."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from reference_impl.client import CallOptions, StdioCommand
from tests.interop.conversation import Talk, talking, texts
from tests.interop.strangers import ROOT, Strangers, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # the first test may have to install a stranger

SERVE = (sys.executable, "-m", "touchstone", "serve", "everything")
EXPECTED: dict[str, Any] = {
    "followed": "Computed tea for 0.1 s",
    "failed": "This job fails whenever it is run",
    "broken": True,
    "asked": "a would be deleted",
    "asked_twice": "name: accept, confirm: accept",
    "cancelled": "cancelled",
    "plain": "Hello, Ada!",
}


@pytest.fixture(scope="module", params=["stdio", "http"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
async def talk(transport: str, strangers: Strangers) -> AsyncIterator[Talk]:
    command = (*strangers.python("fastmcp", "server_fastmcp_tasks.py"), transport)
    if transport == "stdio":
        async with talking(StdioCommand(command)) as talk:
            yield talk
        return
    with serving(command) as url:
        async with talking(url) as talk:
            yield talk


@pytest.mark.parametrize(
    ("tool", "said", "states"),
    [
        ("compute", "forty-two", ["working", "completed"]),
        ("ask", "Hello, Ada", ["working", "input_required", "completed"]),
        ("fail", "no luck", ["working", "completed"]),
    ],
)
async def test_our_client_follows_their_task_to_its_end(talk: Talk, tool: str, said: str, states: list[str]) -> None:
    seen: list[str] = []
    result = await talk.client.call_tool(
        tool, options=CallOptions(on_status=lambda task: seen.append(task.status.value))
    )
    assert said in texts(result)[0]
    assert [state for number, state in enumerate(seen) if [state] != seen[number - 1 : number]] in (states, states[-1:])


@pytest.fixture(scope="module")
def report(transport: str, strangers: Strangers) -> Iterator[dict[str, Any]]:
    """What their client saw of our tasks."""
    command = (*strangers.python("fastmcp", "client_fastmcp_tasks.py"), transport)
    if transport == "stdio":
        yield _run((*command, *SERVE))
        return
    with serving((*SERVE, "--transport", "http", "--port", "0"), r"http://\S+") as url:
        yield _run((*command, url))


def _run(command: tuple[str, ...]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("feature", EXPECTED)
def test_their_client_follows_our_tasks(report: dict[str, Any], feature: str) -> None:
    assert report[feature] == EXPECTED[feature]


def test_their_client_sees_our_task_end(report: dict[str, Any]) -> None:
    assert report["states"] in (["working", "completed"], ["completed", "completed"])
