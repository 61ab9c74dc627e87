"""A server whose tasks do as tests tell them, a clock that stands still, and clients whose every message is judged."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from conformance.schema import messages, violations
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES as CAPABILITIES
from reference_impl.protocol.lifecycle import PROTOCOL_VERSION as VERSION
from reference_impl.protocol.methods import TASKS
from reference_impl.server import AdvancedMCPServer, Context, ServerOptions, TaskOptions, ToolError
from reference_impl.server.inputs import Question

OLD, NEW = "2025-11-25", "2026-07-28"
FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
EXTENSION = {"extensions": {TASKS: {}}, "elicitation": {}, "sampling": {}}
ASKABLE = {"elicitation": {"form": {}}, "sampling": {}}


class Clock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


class Stage:
    """A server, and what its tools wait for and have done."""

    def __init__(self, **options):
        bounds = {"poll_interval_ms": 10, **options}
        self.server = AdvancedMCPServer(
            "stage", options=ServerOptions(tasks=TaskOptions(**bounds), pages={"tasks/list": 2})
        )
        self.clock = self.server.tasks.clock = Clock()
        self.gate = asyncio.Event()
        self.ended = []
        self._add_tools(self.server)

    def _add_tools(self, server):
        @server.tool(taskSupport="optional")
        async def wait(context: Context, result: str = "done"):
            """Wait for the gate."""
            context.progress(1, 2, "half way")
            context.log("warning", "waiting")
            try:
                await self.gate.wait()
            finally:
                self.ended.append(result)
            context.progress(2, 2)
            return result

        @server.tool(taskSupport="required")
        async def fail():
            """Fail as tools do."""
            raise ToolError("no luck")

        @server.tool(taskSupport="optional")
        async def break_down(data: int = 0):
            """Come to a protocol error."""
            raise RemoteProtocolError(Code.INTERNAL_ERROR, "broken", {"at": data})

        @server.tool(taskSupport="optional")
        async def ask(context: Context, times: int = 1):
            """Ask for names, one after the other, under one key."""
            answers = [await context.elicit(f"Name {number}?", FORM) for number in range(times)]
            return " ".join(answer["content"]["name"] for answer in answers)

        @server.tool(taskSupport="optional")
        async def ask_two(context: Context):
            """Ask two things at once."""
            form = {"mode": "form", "message": "?", "requestedSchema": FORM}
            answers = await context.ask({key: Question("elicitation/create", form) for key in ("a", "b")})
            return " ".join(answers[key]["content"]["name"] for key in ("a", "b"))

        @server.tool(taskSupport="required", begins="handler")
        async def late(context: Context, refuse: bool = False):
            """Ask first, then become a task."""
            answer = await context.elicit("Name?", FORM, "first")
            if refuse:
                raise ToolError("refused before the task")
            self.ended.append(await context.begin_task())
            context.say("begun")
            await self.gate.wait()
            return answer["content"]["name"]

        @server.tool(taskSupport="optional")
        async def large(size: int):
            """Return much."""
            return "x" * size

        @server.tool()
        async def plain():
            """Never a task."""
            return "plain"


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def stage_of():
    return Stage


class Judged:
    """A line client of `conftest`, with every message that the server sends held against the schema of its revision."""

    def __init__(self, client, revision):
        self.client, self.revision = client, revision
        self._asked = {}
        self._receive, client.receive = client.receive, self.receive
        self._send, client.send = client.send, self.send

    async def send(self, message):
        if "method" in message and "id" in message:
            self._asked[message["id"]] = message["method"]
        await self._send(message)

    async def receive(self):
        message = await self._receive()
        known = messages(self.revision)
        if "method" in message:
            assert violations(self.revision, known[message["method"]].definition, message) == [], message
        elif "result" in message:
            names = known[self._asked[message["id"]]].results
            assert any(violations(self.revision, name, message["result"]) == [] for name in names), message
        return message

    async def call(self, method, params=None, capabilities=None):
        """Return the result, or the error, of a request in the way of the revision."""
        if self.revision == NEW:
            answer = await self.client.modern(method, params, EXTENSION if capabilities is None else capabilities)
        else:
            answer = await self.client.ask(method, params)
        return answer.get("result") or answer.get("error")

    async def send_only(self, identifier, method, params):
        """Send a request and wait for nothing."""
        if self.revision == NEW:
            params = {**params, "_meta": {VERSION: NEW, CAPABILITIES: EXTENSION}}
        await self.client.send({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})

    async def begin(self, tool, arguments=None, **task):
        """Call a tool as a task and return the task."""
        params = {"name": tool, "arguments": arguments or {}}
        if self.revision == NEW:
            result = await self.call("tools/call", params)
            assert result["resultType"] == "task", result
            return result
        result = await self.call("tools/call", {**params, "task": task})
        return result["task"]

    async def get(self, task):
        return await self.call("tasks/get", {"taskId": task["taskId"]})

    async def until(self, task, status):
        """Look at a task until it has a status."""
        for _ in range(500):
            state = await self.get(task)
            if state.get("status") == status:
                return state
        raise AssertionError(f"never {status}: {state}")


@pytest.fixture
def old(over_lines):
    """Return a context of a client of 2025-11-25."""

    @asynccontextmanager
    async def opened(stage, capabilities=None):
        async with over_lines(stage.server) as client:
            judged = Judged(client, OLD)
            await client.initialize(OLD, ASKABLE if capabilities is None else capabilities)
            yield judged

    return opened


@pytest.fixture
def new(over_lines):
    """Return a context of a client of 2026-07-28."""

    @asynccontextmanager
    async def opened(stage):
        async with over_lines(stage.server) as client:
            yield Judged(client, NEW)

    return opened


@pytest.fixture(params=[OLD, NEW])
def either(request, old, new):
    """Return a context of a client, of each era in its turn."""
    return old if request.param == OLD else new
