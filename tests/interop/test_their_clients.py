"""Strangers' clients with our everything server: each runs once per transport, tries everything, and reports it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision
from reference_impl.servers.everything import make_server
from tests.interop.strangers import ROOT, Strangers, serving

pytestmark = pytest.mark.timeout(300)  # the first test may have to install a stranger

SERVE = (sys.executable, "-m", "touchstone", "serve", "everything")
DEADLINE = 120.0


@dataclass(frozen=True)
class Client:
    name: str
    transport: str
    revision: Revision

    def __str__(self) -> str:
        return f"{self.name}-{self.transport}"

    def command(self, strangers: Strangers) -> tuple[str, ...]:
        if self.name.startswith("ts"):
            return (*strangers.node(self.name, "client_ts.mjs"), self.name[-1], self.transport)
        return (*strangers.python(self.name, f"client_{self.name}.py"), self.transport)


CLIENTS = (
    Client("mcp1", "stdio", LATEST_LEGACY),
    Client("mcp1", "http", LATEST_LEGACY),
    Client("mcp1", "sse", LATEST_LEGACY),
    Client("mcp1", "ws", LATEST_LEGACY),
    Client("mcp2", "stdio", LATEST),
    Client("mcp2", "http", LATEST),
    Client("mcp2", "sse", LATEST_LEGACY),
    Client("fastmcp", "stdio", LATEST),
    Client("fastmcp", "http", LATEST),
    Client("fastmcp", "sse", LATEST_LEGACY),
    Client("ts1", "stdio", LATEST_LEGACY),
    Client("ts1", "http", LATEST_LEGACY),
    Client("ts1", "sse", LATEST_LEGACY),
    Client("ts1", "ws", LATEST_LEGACY),
    Client("ts2", "stdio", LATEST),
    Client("ts2", "http", LATEST),
    Client("ts2", "sse", LATEST_LEGACY),
)

OURS = make_server()
STEPS = [[1, 3], [2, 3], [3, 3]]


def some_steps(client: Client, seen: Any) -> bool:
    """All steps in order. The TypeScript SDKs drop a progress notification that is read together with the answer:
    they run its handler later, and the answer forgets it at once."""
    return seen == STEPS or (client.name.startswith("ts") and seen in (STEPS[:1], STEPS[:2]))


def not_found(client: Client, seen: Any) -> bool:
    """The code that the revision has; the TypeScript SDK 2.x shows the newer one in place of the older."""
    return seen in ((-32602,) if client.revision.modern else (-32002, -32602) if client.name == "ts2" else (-32002,))


EXPECTED: dict[str, Any] = {
    "server": ["everything", True],
    "prompts": sorted(OURS.prompts),
    "resources": sorted(OURS.resources),
    "templates": sorted(OURS.templates),
    "echo": "caf\u00e9 \U0001f600",
    "routed": "Routed to d\u00fcsseldorf, shard 3, dry",
    "structured": {"sum": 3},
    "error": [True, "no luck"],
    "refused": True,
    "kinds": ["text", "image", "resource"],
    "progress": some_steps,
    "cancelled": "still here",
    "log": ["error", "error"],
    "text": "A static text, the same at every reading.",
    "blob": True,
    "template": "144",
    "missing": not_found,
    "prompt": "Please review this python code:",
    "completion": ["java", "javascript"],
    "ask": "Hello, Ada",
    "sample": "The model said: forty-two",
    "roots": "file:///home/ada",
    "rounds": "forty-two Ada",
    "updated": "test://watched-resource",
    "changed": True,
    "ping": True,
}
"""Feature to what a client has to report, or to a judge of it."""


@pytest.fixture(scope="module")
def endpoints() -> Iterator[Callable[[str], tuple[str, ...]]]:
    """Give the arguments that lead a client to our server; those over TCP are started when first asked for."""
    started: dict[str, tuple[str, ...]] = {"stdio": SERVE}
    with ExitStack() as stack:

        def endpoint(transport: str) -> tuple[str, ...]:
            if transport not in started:
                command = (*SERVE, "--transport", transport, "--port", "0")
                started[transport] = (stack.enter_context(serving(command)),)
            return started[transport]

        yield endpoint


@pytest.fixture(scope="module", params=CLIENTS, ids=str)
def client(request: pytest.FixtureRequest) -> Client:
    return request.param


@pytest.fixture(scope="module")
def report(client: Client, strangers: Strangers, endpoints: Callable[[str], tuple[str, ...]]) -> dict[str, Any]:
    """What the client saw."""
    command = (*client.command(strangers), *endpoints(client.transport))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_newest_revision_that_both_speak_is_spoken(report: dict[str, Any], client: Client) -> None:
    if report["revision"] is None:
        pytest.skip("this client does not tell")
    assert report["revision"] == client.revision.name


def test_every_tool_is_listed(report: dict[str, Any]) -> None:
    assert isinstance(report["tools"], list), report["tools"]
    assert {"echo", "add", "slow", "ask"} <= set(report["tools"]) <= OURS.tools.keys()


@pytest.mark.parametrize("feature", EXPECTED)
def test_a_stranger_gets_what_it_asked_for(report: dict[str, Any], client: Client, feature: str) -> None:
    if report.get(feature) is None:
        pytest.skip("this client has no such feature in this era")
    expected, seen = EXPECTED[feature], report[feature]
    assert expected(client, seen) if callable(expected) else seen == expected, seen
