"""What clients do that write line by line: ask, cancel, stop reading, leave, and whatever no client should do."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.reference_impl.machine.gathering import Gathering, which
from tests.reference_impl.machine.ledger import key_of
from tests.reference_impl.machine.lines import GRACE, LineClient
from tests.reference_impl.machine.requests import OF_TASKS, PARAMS, of_a_task, right_answer, slow
from tests.reference_impl.machine.requests import names as asked

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


class LineRules(Gathering):
    """Rules for those clients."""

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
