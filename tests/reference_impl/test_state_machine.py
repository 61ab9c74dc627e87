"""Random interleavings of everything that clients and servers do to each other, over channels in memory.

Several connections of both eras share one server. Whatever order things happen in: every request gets one answer,
what was cancelled is silent, what asks for no answer gets none, every call of the client settles, and nothing is left
behind: no task, no session, no subscription. `TOUCHSTONE_EXAMPLES=100000` searches at random, and for hours.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reference_impl.protocol.revisions import REVISIONS, revision_named
from reference_impl.server import stream
from reference_impl.transports import channel, memory
from tests.reference_impl.machine.clients import ReferenceClient
from tests.reference_impl.machine.ledger import key_of
from tests.reference_impl.machine.lines import LineClient
from tests.reference_impl.machine.offered import FIXED, Gates, make_server, toggle
from tests.reference_impl.machine.requests import PARAMS
from tests.reference_impl.machine.requests import names as asked
from tests.reference_impl.machine.world import World

EXAMPLES = int(os.environ.get("TOUCHSTONE_EXAMPLES", "0"))
PROFILE = settings(
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 60,
    stateful_step_count=100 if EXAMPLES else 50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MOST_UNSENT = 64 * 1024
HIGH_WATER = 16 * 1024

CALLS = ("echo", "list", "read", "prompt", "complete", "listen", "ping", "slow read", "wait", "steps", "stubborn")
MORE_CALLS = ("elicit", "sample", "roots", "twice", "fail", "crash", "flood", "change", "touch", "log")

JUNK: tuple[tuple[bytes, int], ...] = (
    (b"garbage\n", 1),
    (b"\xff\xfe\n", 1),
    (b'{"jsonrpc":"2.0","id":1,"method":\n', 1),
    (b"[" * 5000 + b"\n", 1),
    (b"[]\n", 1),
    (b"42\n", 1),
    (b"{}\n", 1),
    (b"x" * 1_100_000 + b"\n", 1),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', 1),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}\n', 1),
    (b"\n", 0),
    (b" \r\n", 0),
    (b'{"jsonrpc":"2.0","method":"notifications/nonsense"}\n', 0),
    (b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"nobody"}}\n', 0),
    (b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[]}}\n', 0),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":[],"progress":"x"}}\n', 0),
    (b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}\n', 0),
    (b'{"jsonrpc":"2.0","id":"nobody","result":{}}\n', 0),
    (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}\n', 0),
    (b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"what?"}}\n', 0),
)
"""Lines that are no good request, and how many errors without id each deserves."""

MODERN = REVISIONS[-1].name
versions = st.sampled_from([revision.name for revision in REVISIONS])
which = st.integers(0, 5)


class Conversations(RuleBasedStateMachine):
    """One server, any number of clients."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.gates = Gates()
        self.server = make_server(self.gates)
        self.lines: list[LineClient] = []
        self.clients: list[ReferenceClient] = []
        self.ids = 0
        self.down = False

    # Coming -------------------------------------------------------------------------------------

    @initialize(version=versions)
    def begin(self, version: str) -> None:
        self.open_lines(version)
        self.open_client(None)

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
        self.clients.append(ReferenceClient(self.world, self.server, self.gates, revision_named(version)))
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

    # Asking by lines ----------------------------------------------------------------------------

    def _request(self, client: LineClient, name: str, *, text: bool) -> Any:
        self.ids += 1
        method, params = PARAMS[name]
        identifier = str(self.ids) if text else self.ids
        return client.message(identifier, method, params, modern=client.revision is None)

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, name=asked, text=st.booleans())
    def ask(self, number: int, name: str, text: bool) -> None:
        client = self.line(number)
        client.send(self._request(client, name, text=text))
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, names=st.lists(asked, min_size=2, max_size=8))
    def ask_at_once(self, number: int, names: list[str]) -> None:
        client = self.line(number)
        for name in names:
            client.send(self._request(client, name, text=False))
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, name=asked)
    def ask_and_cancel_at_once(self, number: int, name: str) -> None:
        client = self.line(number)
        request = self._request(client, name, text=True)
        client.send(request)
        self._cancel(client, request["id"], answered_perhaps=True)

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, nth=which)
    def cancel(self, number: int, nth: int) -> None:
        client = self.line(number)
        pending = client.ledger.pending
        if pending:
            self._cancel(client, pending[nth % len(pending)][1], answered_perhaps=client.blocked)

    def _cancel(self, client: LineClient, identifier: Any, *, answered_perhaps: bool) -> None:
        client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identifier}})
        client.ledger.cancel(identifier, blocked=answered_perhaps)
        client.ledger.due = {due for due in client.ledger.due if due[1] != key_of(identifier)}
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, nth=which)
    def use_an_id_twice(self, number: int, nth: int) -> None:
        client = self.line(number)
        pending = client.ledger.pending
        if pending and not client.blocked:
            identifier = pending[nth % len(pending)][1]
            client.send(client.message(identifier, "tools/list", {}, modern=client.revision is None))
            self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, junk=st.sampled_from(JUNK))
    def write_junk(self, number: int, junk: tuple[bytes, int]) -> None:
        client = self.line(number)
        client.ledger.anonymous += junk[1]
        client.write(junk[0])
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, names=st.lists(asked, min_size=1, max_size=5))
    def write_a_batch(self, number: int, names: list[str]) -> None:
        client = self.line(number)
        if client.revision != "2025-03-26":
            client.ledger.anonymous += 1
            client.send([{"jsonrpc": "2.0", "id": "batched", "method": "ping"}])
        else:
            members = [self._request(client, name, text=False) for name in names]
            for member in members:
                client.ledger.asked[key_of(member["id"])].batched = True
            client.send([*members, {"jsonrpc": "2.0", "method": "notifications/nonsense"}])
        self.world.settle()

    @precondition(lambda self: any(client.ledger.questions for client in self.open_line_clients))
    @rule(number=which, how=st.sampled_from(("right", "refuse", "nonsense", "no object", "twice", "malformed")))
    def answer_a_question(self, number: int, how: str) -> None:
        asked = [client for client in self.open_line_clients if client.ledger.questions]
        asked[number % len(asked)].answer_question(how)
        self.world.settle()

    # Reading, and leaving -----------------------------------------------------------------------

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which)
    def stop_or_go_on_reading(self, number: int) -> None:
        client = self.line(number)
        client.reading = not client.reading
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, half=st.booleans())
    def leave(self, number: int, half: bool) -> None:
        client = self.line(number)
        if half:
            client.write(b'{"jsonrpc":"2.0","id":7,"met')
            client.ledger.anonymous += 1
        client.end()
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which)
    def vanish(self, number: int) -> None:
        self.line(number).vanish()
        self.world.settle()

    # The reference client -----------------------------------------------------------------------

    @precondition(lambda self: self.open_clients)
    @rule(number=which, calls=st.lists(st.sampled_from(CALLS + MORE_CALLS), min_size=1, max_size=4))
    def call(self, number: int, calls: list[str]) -> None:
        for call in calls:
            self.client(number).call(call)
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, nth=which)
    def cancel_call(self, number: int, nth: int) -> None:
        self.client(number).cancel(nth)
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, junk=st.sampled_from(JUNK))
    def feed_the_client_junk(self, number: int, junk: tuple[bytes, int]) -> None:
        self.client(number).inject(junk[0])
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, cut=st.booleans())
    def end_client(self, number: int, cut: bool) -> None:
        client = self.client(number)
        if cut:
            client.cut()
        else:
            client.close()
        self.world.settle()

    # The server ---------------------------------------------------------------------------------

    @rule(most=st.sampled_from((1, 3, 1000)))
    def let_handlers_go_on(self, most: int) -> None:
        self.gates.open(most)
        self.world.settle()

    @rule()
    def change_the_tools(self) -> None:
        toggle(self.server)
        self._expect("notifications/tools/list_changed", sessions=True)
        self.world.settle()

    @rule()
    def update_a_resource(self) -> None:
        self.server.resource_updated(FIXED)
        self._expect("notifications/resources/updated", sessions=False)
        self.world.settle()

    def _expect(self, method: str, *, sessions: bool) -> None:
        for client in self.open_line_clients:
            if client.blocked:
                continue
            for key, entry in client.ledger.asked.items():
                if entry.method == "subscriptions/listen" and entry.owed and entry.acknowledged:
                    client.ledger.due.add((method, key))
            if sessions and client.revision is not None:
                client.ledger.due.add((method, None))

    @rule(seconds=st.sampled_from((0.02, 0.3, 5.0, 400.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.world.let_pass(seconds)
        self._see_off()

    def _see_off(self) -> None:
        """Let those leave whom the server has let go: only a channel does, if one never speaks or does not read."""
        for client in self.open_line_clients:
            if client.let_go:
                assert client.channelled, "a server on stdio leaves its client"
                assert not (client.spoke and client.reading), "a server leaves a client that is there"
                client.vanish()
        self.world.settle()

    @precondition(lambda self: not self.down)
    @rule(really=st.integers(0, 9))
    def shut_down(self, really: int) -> None:
        if really == 0:
            self.down = True
            self.world.let_pass(0.1)  # a change that was just made is announced after a while
            self.server.hub.close()
            self.world.settle()

    # What always holds --------------------------------------------------------------------------

    @invariant()
    def nobody_has_anything_to_complain_of(self) -> None:
        assert self.world.complaints == []
        for client in (*self.lines, *self.clients):
            client.check()

    @invariant()
    def the_hub_knows_who_is_there_and_nobody_else(self) -> None:
        there = [client for client in (*self.lines, *self.clients) if not client.serving.done()]
        assert len(self.server.hub.sessions) == len(there)

    @invariant()
    def what_waits_for_a_slow_reader_is_bounded(self) -> None:
        for outbox in OUTBOXES:
            assert outbox._unsent <= 4 * MOST_UNSENT, outbox._unsent

    def teardown(self) -> None:
        try:
            self._everything_is_answered()
            self._nothing_is_left()
        finally:
            OUTBOXES.clear()
            self.world.close()
        assert self.world.complaints == []

    def _everything_is_answered(self) -> None:
        self._see_off()
        for client in self.lines:
            client.reading = True
            client.send({"jsonrpc": "2.0", "method": "notifications/nonsense"})  # who never spoke would be let go
        self.world.let_pass(0.1)
        self.server.hub.close()
        for _ in range(20):  # floods, rounds of questions and steps of progress, one after the other
            for client in self.open_line_clients:
                client.answer_question("right")
            self.gates.open()
            self.world.let_pass(1)
        self.world.let_pass(500)  # longer than any question of the server and any call of the client waits
        for client in self.open_line_clients:
            client.check()
            ledger = client.ledger
            assert not ledger.pending, [(key, ledger.asked[key]) for key in ledger.pending]
            assert ledger.questions == {}
            assert ledger.anonymous == 0
            assert ledger.due == set()
        for session in self.server.hub.sessions:
            assert (len(session.calls), len(session.running)) == (0, 0)
        for reference in self.clients:
            reference.cancel_the_endless()
        self.world.settle()
        for reference in self.clients:
            reference.check()
            assert reference.calls == []

    def _nothing_is_left(self) -> None:
        for client in self.open_line_clients:
            client.end()
        for reference in self.clients:
            reference.close()
        self.world.let_pass(10)
        for client in self.lines:
            assert client.serving.done()
            client.stop()
        self.world.settle()
        hub = self.server.hub
        assert (hub.sessions, hub.subscriptions, hub._endings) == (set(), set(), set())
        assert self.world.tasks == set()
        self.nobody_has_anything_to_complain_of()


OUTBOXES: list[Any] = []


class _Outbox(stream._Outbox):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        OUTBOXES.append(self)


@pytest.fixture(autouse=True)
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let slow readers be felt early, and keep what handlers log out of the way."""
    monkeypatch.setattr(stream, "_Outbox", _Outbox)
    monkeypatch.setattr(stream, "MOST_UNSENT", MOST_UNSENT)
    monkeypatch.setattr(channel, "HIGH_WATER", HIGH_WATER)
    monkeypatch.setattr(memory, "HIGH_WATER", HIGH_WATER)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


TestConversations = Conversations.TestCase
TestConversations.settings = PROFILE
