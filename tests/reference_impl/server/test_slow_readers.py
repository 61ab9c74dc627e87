"""Clients that do not read: what waits for them is bounded, and their answers come all the same."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reference_impl.server import stream
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.http import legacy, streams
from tests.reference_impl.machine.lines import LineClient
from tests.reference_impl.machine.offered import FIXED, Gates, make_server
from tests.reference_impl.machine.runs import Runs
from tests.reference_impl.machine.web import WebSession
from tests.reference_impl.machine.world import World

FLOOD = {"name": "flood", "arguments": {"count": 5000}}


@dataclass(slots=True)
class Served:
    """What a session over HTTP lives in."""

    world: World
    application: MCPApplication
    runs: Runs


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()
    assert made.complaints == []


@pytest.fixture
def runs(world):
    return Runs(lambda: world.now)


def test_a_client_on_a_channel_that_does_not_read_misses_notifications_and_gets_its_answer(world, runs, monkeypatch):
    monkeypatch.setattr(stream, "MOST_UNSENT", 256 * 1024)
    server = make_server(Gates(), runs)
    client = LineClient(world, server)
    client.reading = False
    client.send(client.message(1, "tools/call", FLOOD))
    world.settle()
    for _ in range(5000):
        server.resource_updated(FIXED)
    client.reading = True
    world.settle()
    assert client.ledger.pending == []
    assert client.ledger.heard < 1000
    client.end()
    world.let_pass(5)


@pytest.mark.parametrize("version", [None, "2025-11-25"])
def test_a_client_over_http_that_does_not_read_misses_notifications_and_gets_its_answer(
    world, runs, monkeypatch, version
):
    monkeypatch.setattr(streams, "MOST_UNREAD", 100)
    application = MCPApplication(make_server(Gates(), runs))
    client = WebSession(Served(world, application, runs), version)
    if version is not None:
        client.initialize()
    client.ask(1, "tools/call", FLOOD)
    client.connections[-1].reading = False
    world.settle()
    client.connections[-1].reading = True
    world.settle()
    client.check()
    assert client.ledger.pending == []
    assert client.ledger.heard < 300
    application.close()
    world.settle()


def test_what_nobody_fetches_of_a_broken_stream_is_bounded(world, runs, monkeypatch):
    monkeypatch.setattr(streams, "MOST_UNREAD", 300)
    application = MCPApplication(make_server(Gates(), runs))
    client = WebSession(Served(world, application, runs), "2025-11-25")
    client.initialize()
    client.ask(1, "tools/call", FLOOD)
    connection = client.connections[-1]
    while connection.last_event is None:
        world.loop.run_until_complete(_turn())
    client.drop(connection)
    world.settle()
    client.resume()
    world.settle()
    client.check()
    assert client.ledger.pending == []
    assert client.ledger.heard < 2000
    application.close()
    world.settle()


async def _turn() -> None:
    """Let the loop turn once."""


def test_requests_that_clients_have_left_behind_are_bounded(world, runs, monkeypatch):
    monkeypatch.setattr(legacy, "MOST_RUNNING", 3)
    gates = Gates()
    application = MCPApplication(make_server(gates, runs))
    client = WebSession(Served(world, application, runs), "2025-11-25")
    client.initialize()
    for number in range(1, 4):
        client.ask(number, "tools/call", {"name": "wait"})
        world.settle()
        client.drop(client.connections[-1])
    client.ask(4, "ping", {})
    world.settle()
    assert client.connections[-1].status == 429
    gates.open()
    world.settle()
    client.ask(5, "ping", {})
    world.settle()
    assert client.connections[-1].status == 200
    application.close()
    world.settle()
