"""Random interleavings of everything that clients and servers do to each other, over channels in memory.

Several connections of both eras share one server; `mutants` names the laws that hold whatever order things happen in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reference_impl.protocol.revisions import REVISIONS, revision_named
from reference_impl.server import stream
from reference_impl.transports import channel, memory
from tests.reference_impl.machine.clients import IMPOSTORS, ReferenceClient
from tests.reference_impl.machine.ledger import key_of
from tests.reference_impl.machine.lines import GRACE, LineClient
from tests.reference_impl.machine.offered import FIXED, Gates, check_server_left, make_server, toggle
from tests.reference_impl.machine.requests import JOBS, OF_TASKS, PARAMS, of_a_task, right_answer, slow
from tests.reference_impl.machine.requests import names as asked
from tests.reference_impl.machine.runs import Runs
from tests.reference_impl.machine.world import World

MOST_UNSENT = 64 * 1024
HIGH_WATER = 16 * 1024

CALLS = ("echo", "list", "read", "prompt", "complete", "listen", "ping", "slow read", "wait", "steps", "stubborn")
MORE_CALLS = (
    "elicit",
    "sample",
    "roots",
    "twice",
    "fail",
    "crash",
    "flood",
    "change",
    "touch",
    "log",
    "wavering",
    "tidy",
    "start",
)

WAITING_CALLS = ("slow read", "wait", "steps", "stubborn", "tidy", "elicit", "listen", "required_job", "asking_job")

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
waiting = st.sampled_from(WAITING_CALLS)
which = st.integers(0, 5)


class Conversations(RuleBasedStateMachine):
    """One server, any number of clients."""

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

    # Asking by lines ----------------------------------------------------------------------------

    def _request(self, client: LineClient, name: str, *, text: bool) -> Any:
        self.ids += 1
        method, params = PARAMS[name]
        identifier = str(self.ids) if text else self.ids
        return client.message(identifier, method, params)

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
        self._cancel(client, request["id"], crossing=True)

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, nth=which)
    def cancel(self, number: int, nth: int) -> None:
        client = self.line(number)
        pending = client.ledger.pending
        if pending:
            self._cancel(client, pending[nth % len(pending)][1], crossing=client.blocked)

    def _cancel(self, client: LineClient, identifier: Any, *, crossing: bool) -> None:
        client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identifier}})
        cancelled = client.ledger.cancel(identifier, crossing=crossing)
        client.ledger.due = {due for due in client.ledger.due if due[1] != key_of(identifier)}
        self.world.settle()
        if cancelled is not None and not client.blocked:
            client.ledger.overtaken()
            if cancelled.task is None:  # else it was answered with a task before
                self.runs.doom(cancelled.marker)

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, names=st.lists(slow, min_size=1, max_size=5), open_first=st.booleans())
    def ask_and_cancel_what_waits(self, number: int, names: list[str], open_first: bool) -> None:
        client = self.line(number)
        requests = [self._request(client, name, text=False) for name in names]
        for request in requests:
            client.send(request)
        self.world.settle()
        if open_first:
            self.gates.open(1)
        for request in requests:
            if client.ledger.asked[key_of(request["id"])].owed:
                self._cancel(client, request["id"], crossing=open_first or client.blocked)

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which)
    def flood_who_does_not_read(self, number: int) -> None:
        client = self.line(number)
        client.reading = False
        for _ in range(4):
            client.send(self._request(client, "flood", text=False))
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, name=slow)
    def cancel_one_that_looks_alike(self, number: int, name: str) -> None:
        client = self.line(number)
        request = self._request(client, name, text=False)
        client.send(request)
        self.world.settle()
        twin = {"requestId": str(request["id"])}
        client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": twin})
        self.world.settle()

    @precondition(lambda self: any(client.ledger.rounds for client in self.open_line_clients))
    @rule(number=which)
    def give_the_input_that_is_required(self, number: int) -> None:
        asked = [client for client in self.open_line_clients if client.ledger.rounds]
        client = asked[number % len(asked)]
        earlier, result = client.ledger.rounds.pop(0)
        questions = result.get("inputRequests", {})
        inputs = {key: right_answer(question["method"], question["params"]) for key, question in questions.items()}
        carried = {"requestState": result["requestState"], "inputResponses": inputs}
        self.ids += 1
        client.send(client.message(self.ids, earlier.method, earlier.params | carried, earlier.marker))
        self.world.settle()

    @precondition(lambda self: any(client.ledger.tasks for client in self.open_line_clients))
    @rule(number=which, method=st.sampled_from(OF_TASKS), nth=which)
    def ask_about_a_task(self, number: int, method: str, nth: int) -> None:
        having = [client for client in self.open_line_clients if client.ledger.tasks]
        client = having[number % len(having)]
        tasks = client.ledger.tasks
        task_id = list(tasks)[nth % len(tasks)]
        self.ids += 1
        client.send(client.message(self.ids, method, of_a_task(method, task_id)))
        self.world.settle()
        if method == "tasks/cancel" and not client.blocked:
            self.runs.doom(client.ledger.asked[tasks[task_id]].marker)

    @precondition(lambda self: any(client.ledger.tasks for client in self.open_line_clients))
    @rule(number=which)
    def listen_to_tasks(self, number: int) -> None:
        having = [client for client in self.open_line_clients if client.ledger.tasks]
        client = having[number % len(having)]
        self.ids += 1
        wanted = {"notifications": {"taskIds": list(client.ledger.tasks), "toolsListChanged": True}}
        client.send(client.message(self.ids, "subscriptions/listen", wanted))
        self.world.settle()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which, nth=which)
    def use_an_id_twice(self, number: int, nth: int) -> None:
        client = self.line(number)
        pending = client.ledger.pending
        if pending and not client.blocked:
            identifier = pending[nth % len(pending)][1]
            client.send(client.message(identifier, "tools/list", {}))
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
        self._doom_all(client)
        self.world.settle()

    @rule(names=st.lists(st.sampled_from(("job as a task", "required_job as a task")), min_size=1, max_size=3))
    def come_and_leave_with_tasks(self, names: list[str]) -> None:
        self.open_lines("2025-11-25")
        client = self.lines[-1]
        for name in names:
            client.send(self._request(client, name, text=True))
        self.world.settle()
        client.end()
        self._doom_all(client)
        self.world.let_pass(2 * GRACE)
        self._see_off()

    @precondition(lambda self: self.open_line_clients)
    @rule(number=which)
    def vanish(self, number: int) -> None:
        client = self.line(number)
        client.vanish()
        self._doom_all(client)
        self.world.settle()

    def _doom_all(self, client: LineClient) -> None:
        if client.reading or not client.present:
            for marker in client.ledger.markers:
                self.runs.doom(marker, GRACE)

    # The reference client -----------------------------------------------------------------------

    @precondition(lambda self: self.open_clients)
    @rule(number=which, calls=st.lists(st.sampled_from(CALLS + MORE_CALLS + JOBS), min_size=1, max_size=4))
    def call(self, number: int, calls: list[str]) -> None:
        for call in calls:
            self.client(number).call(call)
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, calls=st.lists(waiting, min_size=1, max_size=4), seconds=st.sampled_from((0.0, 0.02, 70.0)))
    def call_and_cancel(self, number: int, calls: list[str], seconds: float) -> None:
        client = self.client(number)
        for call in ("elicit", *calls):
            client.call(call)
        self.world.let_pass(seconds)
        self._see_off()
        client.check()  # those whose deadline has passed are over by themselves
        for _ in range(len(calls) + 1):
            client.cancel(-1)
        self.world.settle()
        self.gates.open()
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, calls=st.lists(waiting, min_size=1, max_size=3))
    def call_and_lose_the_connection(self, number: int, calls: list[str]) -> None:
        client = self.client(number)
        for call in calls:
            client.call(call)
        self.world.settle()
        client.cut()
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
    @rule(number=which, kind=st.sampled_from(IMPOSTORS), nth=which)
    def feed_the_client_an_impostor(self, number: int, kind: str, nth: int) -> None:
        client = self.client(number)
        client.call("steps")
        self.world.settle()
        client.impersonate(kind, nth)
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
        member = "toolsListChanged" if sessions else "resourceSubscriptions"
        for client in self.open_line_clients:
            if client.blocked:
                continue
            for key, entry in client.ledger.asked.items():
                listens = entry.method == "subscriptions/listen" and entry.owed and entry.acknowledged
                if listens and member in entry.params["notifications"]:
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
        assert self.world.complaints == [], f"asyncio complains: {self.world.complaints}"
        for client in (*self.lines, *self.clients):
            client.check()
        self.runs.check()

    @invariant()
    def the_hub_knows_who_is_there_and_nobody_else(self) -> None:
        there = [client for client in (*self.lines, *self.clients) if not client.serving.done()]
        stay = len(self.open_line_clients) + sum(client.alive for client in self.clients)
        # Who has left may be written to for a moment after the hub has forgotten it.
        assert stay <= len(self.server.hub.sessions) <= len(there), "the hub does not know who is there"

    @invariant()
    def what_waits_for_a_slow_reader_is_bounded(self) -> None:
        for outbox in self.outboxes:
            assert outbox._unsent <= 4 * MOST_UNSENT, f"{outbox._unsent} bytes wait for a slow reader"

    def teardown(self) -> None:
        try:
            self._nobody_is_forgotten()
            self._everything_is_answered()
            self._newcomers_are_served()
            self._nothing_is_left()
        finally:
            self.buffers.close()
            self.world.close()
        assert self.world.complaints == [], f"asyncio complains: {self.world.complaints}"

    def _nobody_is_forgotten(self) -> None:
        """See cancelled handlers end by themselves, before anything else lets them."""
        self._see_off()
        for client in self.lines:
            client.reading = True
            client.send({"jsonrpc": "2.0", "method": "notifications/nonsense"})  # who never spoke would be let go
        self.world.let_pass(2 * GRACE)
        self.nobody_has_anything_to_complain_of()

    def _everything_is_answered(self) -> None:
        self.server.hub.close()
        for _ in range(20):  # floods, rounds of questions and steps of progress, one after the other
            for client in self.open_line_clients:
                client.answer_question("right")
            self.gates.open()
            self.world.let_pass(1)
        self.world.let_pass(500)  # longer than any question of the server, any task and any call of the client waits
        for client in self.open_line_clients:
            client.check()
            client.ledger.check_settled()
        for session in self.server.hub.sessions:
            assert (len(session.calls), len(session.running)) == (0, 0), "a session waits for what is over"
        for reference in self.clients:
            reference.cancel_the_endless()
        self.world.settle()
        for reference in self.clients:
            reference.check()
            assert reference.calls == [], f"calls that never settle: {reference.calls}"

    def _newcomers_are_served(self) -> None:
        """See that those who stayed are still served, and so are those who come now."""
        for version in (MODERN, "2024-11-05"):
            self.open_lines(version)
        for client in self.open_line_clients:
            self.ids += 1
            client.send(client.message(self.ids, "server/discover" if client.revision is None else "ping", {}))
        for reference in self.open_clients:
            reference.call("ping")
        self.world.let_pass(1)
        for client in self.open_line_clients:
            client.check()
            assert client.ledger.pending == [], "a ping is not answered after all that"
        for reference in self.open_clients:
            reference.check()
            assert reference.calls == [], "the client's ping is not answered after all that"

    def _nothing_is_left(self) -> None:
        for outbox in self.outboxes:
            assert outbox._ended or outbox._broken or outbox._unsent == 0, (
                f"{outbox._unsent} bytes are counted that nobody will send"
            )
        for client in self.open_line_clients:
            client.end()
        for reference in self.clients:
            reference.close()
        self.world.let_pass(10)
        for client in self.lines:
            assert client.serving.done(), "a conversation goes on without its client"
            client.stop()
        self.world.settle()
        for reference in self.clients:
            reference.check_left()
        check_server_left(self.server)
        assert +self.runs.live == {}, f"handlers are left: {self.runs.live}"
        assert self.world.tasks == set(), f"tasks are left: {self.world.tasks}"
        self.nobody_has_anything_to_complain_of()


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
