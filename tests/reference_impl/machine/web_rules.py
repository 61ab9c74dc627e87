"""Clients that come to an HTTP endpoint, and what they ask, cancel and answer there."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from reference_impl.protocol.revisions import REVISIONS
from reference_impl.server.asgi import HttpOptions, MCPApplication
from tests.reference_impl.machine.offered import Gates, make_server
from tests.reference_impl.machine.requests import OF_TASKS, PARAMS, answer_to, of_a_task, right_answer, slow
from tests.reference_impl.machine.requests import names as some_names
from tests.reference_impl.machine.runs import Runs
from tests.reference_impl.machine.web import WebConnection, WebSession
from tests.reference_impl.machine.world import World

LIFETIME = 1800.0
MODERN = None
versions = st.sampled_from([MODERN, *(revision.name for revision in REVISIONS if revision.sessions)])
which = st.integers(0, 5)
names = some_names.filter(lambda name: name != "initialize again")

JUNK: tuple[bytes, ...] = (
    b"",
    b"garbage",
    b"\xff\xfe",
    b"[" * 5000,
    b"[]",
    b"42",
    b"{}",
    b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
    b'{"jsonrpc":"2.0","method":"notifications/initialized","params":[]}',
)
"""Bodies that deserve a 400."""


class WebRules(RuleBasedStateMachine):
    """One application, and clients that come and ask."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.gates = Gates()
        self.runs = Runs(self.world.loop.time)
        self.server = make_server(self.gates, self.runs)
        self.application = MCPApplication(self.server, options=HttpOptions(session_lifetime=LIFETIME))
        self.application.sessions._clock = self.world.loop.time
        self.sessions: list[WebSession] = []
        self.ids = 0

    @initialize()
    def begin(self) -> None:
        for version in (MODERN, "2025-11-25"):
            self.come(version)

    @property
    def there(self) -> list[WebSession]:
        return [session for session in self.sessions if not session.ended]

    @property
    def live(self) -> list[tuple[WebSession, WebConnection]]:
        return [(session, item) for session in self.there for item in session.connections if item.live]

    def session(self, number: int) -> WebSession:
        return self.there[number % len(self.there)]

    def _settle(self) -> None:
        self.world.settle()
        for session in self.sessions:
            session.check()

    # Coming and asking --------------------------------------------------------------------------

    @precondition(lambda self: len(self.there) < 5)
    @rule(version=versions)
    def come(self, version: str | None) -> None:
        session = WebSession(self, version)
        if version is not None:
            session.initialize()
        self.sessions.append(session)
        self._settle()

    @precondition(lambda self: self.there)
    @rule(number=which, asked=st.lists(names, min_size=1, max_size=4))
    def ask(self, number: int, asked: list[str]) -> None:
        session = self.session(number)
        for name in asked:
            self.ids += 1
            session.ask(self.ids, *PARAMS[name])
        self._settle()

    @precondition(lambda self: self.there)
    @rule(number=which, name=names, slow=st.booleans())
    def ask_and_break_off(self, number: int, name: str, slow: bool) -> None:
        session = self.session(number)
        self.ids += 1
        session.ask(self.ids, *PARAMS[name])
        connection = session.connections[-1]
        connection.reading = not slow
        if slow:
            self._settle()
        if connection in session.connections:
            session.drop(connection)
        self._settle()

    @precondition(lambda self: any(session.version for session in self.there))
    @rule(number=which, nth=which)
    def cancel(self, number: int, nth: int) -> None:
        legacy = [session for session in self.there if session.version is not None]
        session = legacy[number % len(legacy)]
        pending = session.ledger.pending
        if pending:
            self._cancel(session, pending[nth % len(pending)][1])

    def _cancel(self, session: WebSession, identifier: int) -> None:
        session.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identifier}})
        blocked = any(identifier in item.identifiers and not item.reading for item in session.connections)
        cancelled = session.ledger.cancel(identifier, crossing=blocked)
        self._settle()
        if not blocked:
            session.ledger.overtaken(session.unread)
        if cancelled is not None and cancelled.task is None:
            self.runs.doom(cancelled.marker)

    @precondition(lambda self: any(session.version for session in self.there))
    @rule(number=which, name=slow, broken=st.booleans())
    def ask_and_cancel_what_waits(self, number: int, name: str, broken: bool) -> None:
        legacy = [session for session in self.there if session.version is not None]
        session = legacy[number % len(legacy)]
        self.ids += 1
        session.ask(self.ids, *PARAMS[name])
        connection = session.connections[-1]
        self._settle()
        if broken and connection in session.connections:
            session.drop(connection)
            self._settle()
        self._cancel(session, self.ids)  # at rest: nothing is on its way

    @precondition(lambda self: any(session.version for session in self.there))
    @rule(number=which, name=slow)
    def ask_break_off_and_resume(self, number: int, name: str) -> None:
        legacy = [session for session in self.there if session.version is not None]
        session = legacy[number % len(legacy)]
        self.ids += 1
        session.ask(self.ids, *PARAMS[name])
        connection = session.connections[-1]
        self.world.let_pass(11.0)  # it is a stream by now
        session.check()
        if connection in session.connections:
            session.drop(connection)
            self._settle()
            self.gates.open()
            self._settle()
            session.resume()
        self._settle()

    @precondition(lambda self: self.there)
    @rule(number=which, junk=st.sampled_from(JUNK), half=st.booleans())
    def post_junk(self, number: int, junk: bytes, half: bool) -> None:
        session = self.session(number)
        connection = session.open("POST", [junk, b" "] if half else [junk], {})
        if not half:
            session.ledger.anonymous += 1
        self.world.settle()
        if half:
            session.drop(connection)
        else:
            identified = b'"id":1,' in junk
            assert (connection.status, connection.complete) == (400, True), (junk, connection.body, identified)
        self._settle()

    @precondition(lambda self: any(session.version == "2025-03-26" for session in self.there))
    @rule(asked=st.lists(names, min_size=0, max_size=5))
    def post_a_batch(self, asked: list[str]) -> None:
        session = next(session for session in self.there if session.version == "2025-03-26")
        members: list[Any] = [{"jsonrpc": "2.0", "method": "notifications/nonsense"}]
        before = self.ids
        for name in asked:
            self.ids += 1
            members.append(session.message(self.ids, *PARAMS[name])[0])
            session.ledger.asked[int, self.ids].batched = True
        session.post(members, identifiers=tuple(range(before + 1, self.ids + 1)))
        self._settle()

    @precondition(lambda self: any(session.ledger.rounds for session in self.there))
    @rule(number=which)
    def give_the_input_that_is_required(self, number: int) -> None:
        asked = [session for session in self.there if session.ledger.rounds]
        session = asked[number % len(asked)]
        earlier, result = session.ledger.rounds.pop(0)
        questions = result.get("inputRequests", {})
        inputs = {key: right_answer(question["method"], question["params"]) for key, question in questions.items()}
        carried = {"requestState": result["requestState"], "inputResponses": inputs}
        self.ids += 1
        session.ask(self.ids, earlier.method, earlier.params | carried, earlier.marker)
        self._settle()

    @precondition(lambda self: any(session.ledger.tasks for session in self.there))
    @rule(number=which, method=st.sampled_from(OF_TASKS), nth=which)
    def ask_about_a_task(self, number: int, method: str, nth: int) -> None:
        having = [session for session in self.there if session.ledger.tasks]
        session = having[number % len(having)]
        tasks = session.ledger.tasks
        task_id = list(tasks)[nth % len(tasks)]
        self.ids += 1
        session.ask(self.ids, method, of_a_task(method, task_id))
        self._settle()
        if method == "tasks/cancel":
            self.runs.doom(session.ledger.asked[tasks[task_id]].marker)

    @precondition(lambda self: any(session.ledger.questions for session in self.there))
    @rule(number=which, how=st.sampled_from(("right", "refuse", "twice")))
    def answer_a_question(self, number: int, how: str) -> None:
        asked = [session for session in self.there if session.ledger.questions]
        answer_question(asked[number % len(asked)], how)
        self._settle()


def answer_question(session: WebSession, how: str) -> None:
    """Answer the oldest question of the server."""
    if not session.ledger.questions:
        return
    key, question = next(iter(session.ledger.questions.items()))
    if how != "twice":
        del session.ledger.questions[key]
    session.post(answer_to(key[1], question, how))
