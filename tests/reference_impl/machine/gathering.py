"""Those who meet over channels in memory: one server, and any number of clients of both eras."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from reference_impl.protocol.revisions import REVISIONS, revision_named
from reference_impl.server import stream
from reference_impl.transports import channel, memory
from tests.reference_impl.machine.clients import ReferenceClient
from tests.reference_impl.machine.lines import LineClient
from tests.reference_impl.machine.offered import Gates, make_server
from tests.reference_impl.machine.runs import Runs
from tests.reference_impl.machine.world import World

MOST_UNSENT = 64 * 1024
HIGH_WATER = 16 * 1024
MODERN = REVISIONS[-1].name
versions = st.sampled_from([revision.name for revision in REVISIONS])
which = st.integers(0, 5)


class Gathering(RuleBasedStateMachine):
    """One server, and clients that come."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.gates = Gates()
        self.runs = Runs(self.world.loop.time)
        self.server = make_server(self.gates, self.runs)
        self.buffers = ExitStack()
        self.outboxes: list[Any] = self.buffers.enter_context(small_buffers())
        self.lines: list[LineClient] = []
        self.clients: list[ReferenceClient] = []
        self.ids = 0
        self.down = False

    # Coming -------------------------------------------------------------------------------------

    @initialize(version=versions, other=st.none() | versions)
    def begin(self, version: str, other: str | None) -> None:
        self.open_lines(version)
        self.open_client(other)

    @precondition(lambda self: len(self.open_line_clients) < 4)
    @rule(version=versions, channelled=st.booleans())
    def open_lines(self, version: str, channelled: bool = False) -> None:
        client = LineClient(self.world, self.server, channelled=channelled)
        self.lines.append(client)
        if version != MODERN:
            client.initialize(version)
        self.world.settle()

    @precondition(lambda self: len(self.open_clients) < 3)
    @rule(version=st.none() | versions)
    def open_client(self, version: str | None) -> None:
        self.clients.append(ReferenceClient(self, revision_named(version)))
        self.world.settle()

    @property
    def open_line_clients(self) -> list[LineClient]:
        return [client for client in self.lines if not client.closed]

    @property
    def open_clients(self) -> list[ReferenceClient]:
        return [client for client in self.clients if not client.closed]

    def line(self, number: int) -> LineClient:
        return self.open_line_clients[number % len(self.open_line_clients)]

    def client(self, number: int) -> ReferenceClient:
        return self.open_clients[number % len(self.open_clients)]

    def _see_off(self) -> None:
        """Let those leave whom the server has let go: only a channel does, if one never speaks or does not read."""
        for client in self.open_line_clients:
            if client.let_go:
                assert client.channelled, "a server on stdio leaves its client"
                assert not (client.spoke and client.reading), "a server leaves a client that is there"
                client.vanish()
        self.world.settle()


@contextmanager
def small_buffers() -> Iterator[list[Any]]:
    """Let slow readers be felt early; yields every outbox that is made for a client."""
    made: list[Any] = []

    class Outbox(stream._Outbox):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    with (
        patch.object(stream, "_Outbox", Outbox),
        patch.object(stream, "MOST_UNSENT", MOST_UNSENT),
        patch.object(channel, "HIGH_WATER", HIGH_WATER),
        patch.object(memory, "HIGH_WATER", HIGH_WATER),
    ):
        yield made
