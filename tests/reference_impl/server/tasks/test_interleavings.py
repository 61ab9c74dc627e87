"""Whatever order things happen in: tasks move only as they may, each request has one answer, and nothing is left."""

import asyncio

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, PROTOCOL_VERSION
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.tasks import TERMINAL

OLD, NEW = "2025-11-25", "2026-07-28"
DECLARED = {"extensions": {TASKS: {}}, "elicitation": {}}
ADA = {"action": "accept", "content": {"name": "Ada"}}

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from(["wait", "ask", "ask_two", "fail", "break_down"])),
        st.tuples(st.sampled_from(["get", "cancel", "result", "update", "withdraw"]), st.integers(0, 4)),
        st.tuples(st.sampled_from(["answer", "refuse", "open", "list"]), st.just(0)),
        st.tuples(st.just("pass"), st.integers(1, 4)),
    ),
    max_size=25,
)


class Player:
    """A client that does one thing after the other, and remembers all that it is told."""

    def __init__(self, client, stage, revision):
        self.client, self.stage, self.revision = client, stage, revision
        self.tasks, self.questions, self.waiting = [], [], {}
        self.states, self.answers, self.asked, self.withdrawn = {}, {}, {}, set()
        self._number = 0

    async def send(self, method, params):
        self._number += 1
        if self.revision == NEW:
            params = {**params, "_meta": {PROTOCOL_VERSION: NEW, CLIENT_CAPABILITIES: DECLARED}}
        self.asked[self._number] = method
        await self.client.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return self._number

    async def fence(self):
        """Take in everything up to the answer of one more request."""
        last = await self.send("tools/list", {})
        while last not in self.answers:
            self._take(await self.client.receive())

    def _take(self, message):
        if message.get("method") == "elicitation/create":
            self.questions.append(message["id"])
        elif message.get("method") == "notifications/tasks/status":
            self._seen(message["params"])
        elif "method" not in message:
            assert message["id"] not in self.answers, "answered twice"
            assert message["id"] not in self.withdrawn, "answered after it was cancelled"
            self.answers[message["id"]] = message
            self._seen(message.get("result", {}))

    def _seen(self, state):
        state = state.get("task", state)
        if "taskId" not in state:
            return
        before, now = self.states.get(state["taskId"]), state["status"]
        assert before not in TERMINAL or before == now, f"{before} became {now}"
        self.states[state["taskId"]] = now

    async def begin(self, tool):
        params = {"name": tool, "arguments": {}} | ({"task": {"ttl": 60_000}} if self.revision == OLD else {})
        made = await self.send("tools/call", params)
        await self.fence()
        result = self.answers[made].get("result", {})
        self.tasks += [result.get("task", result)["taskId"]] if result else []

    async def about(self, method, number, **more):
        if number < len(self.tasks):
            return await self.send(method, {"taskId": self.tasks[number], **more})
        return None

    async def get(self, number):
        await self.about("tasks/get", number)

    async def cancel(self, number):
        await self.about("tasks/cancel", number)

    async def list(self, _):
        if self.revision == OLD:
            await self.send("tasks/list", {})

    async def result(self, number):
        if self.revision == OLD:
            self.waiting[number] = await self.about("tasks/result", number)

    async def withdraw(self, number):
        identifier = self.waiting.pop(number, None)
        await self.fence()
        if identifier is not None and identifier not in self.answers:
            self.withdrawn.add(identifier)
            await self.client.notify("notifications/cancelled", {"requestId": identifier})

    async def update(self, number):
        if self.revision == NEW:
            await self.about("tasks/update", number, inputResponses={"elicit": ADA, "a": ADA})

    async def answer(self, _):
        if self.questions:
            await self.client.send({"jsonrpc": "2.0", "id": self.questions.pop(), "result": ADA})

    async def refuse(self, _):
        if self.questions:
            error = {"code": -1, "message": "no"}
            await self.client.send({"jsonrpc": "2.0", "id": self.questions.pop(0), "error": error})

    async def open(self, _):
        self.stage.gate.set()

    async def do(self, step, argument):
        if step == "pass":
            self.stage.clock.now += 20 * argument
        else:
            await getattr(self, step)(argument)


async def play(over_lines, stage, revision, steps):
    async with over_lines(stage.server) as client:
        player = Player(client, stage, revision)
        if revision == OLD:
            await client.initialize(OLD, {"elicitation": {}})
        for step, argument in steps:
            await player.do(step, argument)
            await player.fence()
        for number in range(len(player.tasks)):
            await player.cancel(number)
        for _ in range(5):
            await player.fence()
        assert len(stage.server.tasks) == 0
        unanswered = player.asked.keys() - player.answers.keys() - player.withdrawn
        assert unanswered == set(), [player.asked[identifier] for identifier in unanswered]
    assert stage.server.tasks._chores == set()


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(revision=st.sampled_from([OLD, NEW]), steps=STEPS)
def test_no_order_of_events_breaks_a_task(over_lines, stage_of, revision, steps):
    async def bounded():
        with anyio.fail_after(20):
            await play(over_lines, stage_of(most_of_one=4), revision, steps)

    asyncio.run(bounded())
