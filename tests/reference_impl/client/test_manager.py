"""Many servers behind one client: what they offer, what becomes of calls when a connection goes, who is asked first."""

import os
import signal
import sys

import anyio
import pytest

from reference_impl.client import (
    AdvancedMCPClient,
    ClientSettings,
    ConnectionClosed,
    Handlers,
    ManagerOptions,
    PermissionDenied,
    RequestFailed,
    RequestTimeout,
    RetryPolicy,
    ServerConfig,
    StdioCommand,
    UnknownServer,
    Unreachable,
)
from reference_impl.client.patience import unhurried
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.revisions import REVISIONS
from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.errors import RateLimitedError
from reference_impl.servers.everything import make_server
from reference_impl.transports.memory import memory_pair
from tests.reference_impl.client.manager_servers import AT_ONCE, QUICK, House, house, process, text_of, until
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio

LEGACY = ClientSettings(revisions=REVISIONS[:-1])
READ_ONLY = {"readOnlyHint": True}
NOTE = "note://one"


class Notes:
    """A server with one resource, and how often it was read."""

    def __init__(self, **hints) -> None:
        self.server = AdvancedMCPServer("notes")
        self.reads = 0

        @self.server.resource(NOTE, "A note", **hints)
        async def note() -> str:
            self.reads += 1
            return f"read {self.reads}"


class Gate:
    """Allows what it is told to, and remembers what it was asked."""

    def __init__(self, *, allows: bool) -> None:
        self.allows = allows
        self.asked: list[tuple[str, str, dict]] = []

    async def request_permission(self, operation, resource, context):
        self.asked.append((operation, resource, context))
        return self.allows


@pytest.fixture
async def everything():
    async with house(make_server()) as served:
        yield served


def config(name: str, served: House, settings: ClientSettings = QUICK) -> ServerConfig:
    return ServerConfig(name, served.door, settings)


async def test_a_connected_server_has_a_session_its_capabilities_and_its_tools(everything):
    async with AdvancedMCPClient() as client:
        session = await client.connect_server(config("one", everything))
        state = client.sessions["one"]
        assert state.session is session
        assert state.health_status == "healthy"
        assert state.capabilities.server_info["name"] == "everything"
        assert state.capabilities.protocol_version == session.revision.name
        assert {"echo", "add"} <= client.tool_registry.keys()
        assert state.capabilities.resources
        assert state.capabilities.prompts
        result = await client.call_tool_with_retry("one", "echo", {"text": "hello"})
        assert text_of(result) == "hello"
        assert state.last_used >= state.connected_at
        assert client.metrics.tool_calls["one.echo"].successful_calls == 1


async def test_tools_of_one_name_are_told_apart_and_the_clash_is_explained(everything):
    async with AdvancedMCPClient() as client:
        await client.connect_server(config("one", everything))
        await client.connect_server(config("two", everything))
        assert "echo" not in client.tool_registry
        assert text_of(await client.call_tool("two.echo", {"text": "2"})) == "2"
        assert client.tool_registry.explain("echo") == "'echo' is the name of several tools: say one.echo or two.echo"
        await client.disconnect_server("two")
        assert client.tool_registry["echo"].server == "one"


async def test_a_tool_that_appears_is_registered(everything):
    async with AdvancedMCPClient() as client:
        await client.connect_server(config("one", everything))
        await client.call_tool("toggle_extra_tool")
        await until(lambda: "extra" in client.tool_registry)


async def test_a_server_that_tells_of_a_change_whenever_it_is_asked_is_not_asked_without_end(everything):
    asked = []
    paused = ManagerOptions(RetryPolicy(base=1000, cap=1000, random=lambda: asked.append(1) or 1.0))
    async with AdvancedMCPClient(options=paused) as client:
        await client.connect_server(config("one", everything))
        for number in range(3):
            everything.server.tool(f"new{number}")(lambda: "")
            await client.call_tool("echo", {"text": "x"})
            await until(lambda: asked)
        assert len(asked) == 1
        assert "new2" not in client.tool_registry  # later


async def test_a_name_is_given_once_and_must_be_known(everything):
    async with AdvancedMCPClient() as client:
        await client.connect_server(config("one", everything))
        with pytest.raises(ValueError, match="'one' already"):
            await client.connect_server(config("one", everything))
        with pytest.raises(UnknownServer, match="no server is called 'two'; connected are one"):
            await client.call_tool_with_retry("two", "echo")


async def test_servers_are_connected_inside_of_the_clients_block(everything):
    client = AdvancedMCPClient()
    with pytest.raises(RuntimeError, match="inside of `async with"):
        await client.connect_server(config("one", everything))
    async with client:
        await client.connect_server(config("one", everything))
    with pytest.raises(ConnectionClosed, match="one has been disconnected"):
        await client.call_tool_with_retry("one", "echo", {"text": "x"})


async def test_a_server_that_cannot_be_started_leaves_nothing_behind(everything):
    async with AdvancedMCPClient() as client:
        await client.connect_server(config("one", everything))
        with pytest.raises(ConnectionClosed, match="no such program"):
            await client.connect_server(ServerConfig("two", StdioCommand(("no-such-server",))))
        assert list(client.sessions) == ["one"]
        assert text_of(await client.call_tool("echo", {"text": "still here"})) == "still here"


# Permission ---------------------------------------------------------------------------------


async def test_a_denied_call_is_never_made_nor_tried_again(everything):
    gate = Gate(allows=False)
    async with AdvancedMCPClient(gate, options=AT_ONCE) as client:
        await client.connect_server(config("one", everything))
        with pytest.raises(PermissionDenied, match="tools/call of one/echo was not allowed"):
            await client.call_tool_with_retry("one", "echo", {"text": "x"})
        with pytest.raises(PermissionError):
            await client.read_resource("one", "test://static-text")
        assert [(operation, resource) for operation, resource, _ in gate.asked] == [
            ("tools/call", "one/echo"),
            ("resources/read", "one/test://static-text"),
        ]
        assert not client.metrics.tool_calls


async def test_whoever_decides_learns_what_a_tool_says_of_itself(everything):
    gate = Gate(allows=True)
    async with AdvancedMCPClient(gate) as client:
        await client.connect_server(config("one", everything))
        await client.call_tool("echo", {"text": "x"})
        await client.call_tool("touch_resource")
    contexts = [context for _, _, context in gate.asked]
    assert [context["sensitive"] for context in contexts] == [False, True]
    assert contexts[0]["arguments"] == {"text": "x"}


# Lost connections ---------------------------------------------------------------------------


async def test_a_killed_server_is_started_again_without_being_asked(tmp_path):
    with anyio.fail_after(20):
        async with AdvancedMCPClient(options=AT_ONCE) as client:
            await client.connect_server(ServerConfig("one", process("one", tmp_path / "n"), QUICK))
            first = int(text_of(await client.call_tool("pid")))
            os.kill(first, signal.SIGKILL)
            await until(lambda: client.sessions["one"].started == 2)
            assert int(text_of(await client.call_tool("pid"))) != first
            assert "exited with status -9" in client.sessions["one"].last_error


async def test_a_tool_that_may_be_repeated_is_called_again_on_a_new_connection(tmp_path):
    with anyio.fail_after(20):
        async with AdvancedMCPClient(options=AT_ONCE) as client:
            await client.connect_server(ServerConfig("one", process("one", tmp_path / "n"), QUICK))
            assert text_of(await client.call_tool("again")).isdigit()
            assert client.metrics.errors.by_class() == {"transport": 1}
            assert client.metrics.tool_calls["one.again"].total_calls == 1


async def test_a_tool_that_may_not_be_repeated_is_called_once(tmp_path):
    with anyio.fail_after(20):
        async with AdvancedMCPClient(options=AT_ONCE) as client:
            await client.connect_server(ServerConfig("one", process("one", tmp_path / "n"), QUICK))
            with pytest.raises(ConnectionClosed, match="killed by its own tool"):
                await client.call_tool("act")
            assert (tmp_path / "n").read_text() == "x"
            assert text_of(await client.call_tool("act")).isdigit()  # the server is there again


async def test_retries_end(tmp_path):
    with anyio.fail_after(20):
        async with AdvancedMCPClient(options=AT_ONCE) as client:
            await client.connect_server(ServerConfig("one", process("one", tmp_path / "n"), QUICK))
            with pytest.raises(ConnectionClosed):
                await client.call_tool_with_retry("one", "die", max_retries=1)
            assert client.metrics.errors.by_class() == {"transport": 2}


async def test_what_a_server_refuses_is_not_tried_again(everything):
    async with AdvancedMCPClient(options=AT_ONCE) as client:
        await client.connect_server(config("one", everything))
        with pytest.raises(RequestFailed):
            await client.call_tool_with_retry("one", "no_such_tool")
        assert client.metrics.errors.by_class() == {"json-rpc": 1}


async def test_one_deadline_counts_over_all_attempts():
    server = AdvancedMCPServer("slow")

    @server.tool("wait", "Waits for ever", annotations=READ_ONLY)
    async def wait() -> str:
        await anyio.sleep_forever()

    options = ManagerOptions(RetryPolicy(base=0.0), deadline=0.2)
    async with house(server) as served, AdvancedMCPClient(options=options) as client:
        await client.connect_server(config("one", served, ClientSettings(timeout=0.05, stop_grace=0.5)))
        with pytest.raises(RequestTimeout, match=r"tools/call: no answer within 0\.2 s") as caught:
            await client.call_tool_with_retry("one", "wait", max_retries=1000)
        assert isinstance(caught.value.__cause__, RequestTimeout)
        assert client.metrics.errors.by_class()["timeout"] > 1


async def test_a_server_that_was_asked_too_fast_is_asked_again_when_it_wants():
    server = AdvancedMCPServer("busy")
    calls = []

    @server.tool("act", "Does something")
    async def act() -> str:
        calls.append("act")
        if len(calls) < 3:
            raise RateLimitedError(0.001)
        return "done"

    async with house(server) as served, AdvancedMCPClient(options=AT_ONCE) as client:
        await client.connect_server(config("one", served))
        assert text_of(await client.call_tool("act")) == "done"
        calls.clear()
        refused = await client.call_tool_with_retry("one", "act", max_retries=1)
        assert (refused["isError"], len(calls)) == (True, 2)


async def test_nobody_waits_for_a_time_beyond_the_deadline():
    server = AdvancedMCPServer("busy")

    @server.tool("later", "Wants to be asked tomorrow", annotations=READ_ONLY)
    async def later(refused: bool) -> str:
        if refused:
            raise RateLimitedError(5000)
        raise RemoteProtocolError(Code.INTERNAL_ERROR, "Not today", {"retryAfter": 5000})

    async with house(server) as served, AdvancedMCPClient(options=AT_ONCE) as client:
        await client.connect_server(config("one", served))
        with anyio.fail_after(20):
            assert (await client.call_tool("later", {"refused": True}))["isError"]
            with pytest.raises(RequestFailed, match="Not today"):
                await client.call_tool("later", {"refused": False})


@pytest.mark.parametrize("revision", REVISIONS[-2:], ids=str)
async def test_the_deadline_stands_still_while_a_server_asks_the_user(revision):
    server = AdvancedMCPServer("asking")
    waited = []

    @server.tool("ask", "Asks")
    async def ask(context: Context) -> str:
        return str((await context.elicit("?", {"type": "object", "properties": {}}))["action"])

    async def slow(_params):
        with unhurried():
            await anyio.sleep(0.3)  # beyond the deadline, which is the point
            waited.append(1)
        return {"action": "decline"}

    settings = ClientSettings(handlers=Handlers(elicitation=slow), revisions=(revision,), stop_grace=0.5)
    async with house(server) as served, AdvancedMCPClient(options=ManagerOptions(deadline=0.25)) as client:
        await client.connect_server(config("one", served, settings))
        assert text_of(await client.call_tool("ask")) == "decline"
    assert waited


async def test_a_server_may_be_left_while_it_is_connected_to_and_its_name_given_again(everything):
    near, far = memory_pair()  # nobody answers at its other end
    failed = []

    async with AdvancedMCPClient() as client:

        async def connect_in_vain() -> None:
            try:
                await client.connect_server(ServerConfig("one", lambda: near, QUICK))
            except ConnectionClosed as error:
                failed.append(str(error))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connect_in_vain)
            await far.receive()
            leaving = client._keepers["one"]
            tasks.start_soon(client.disconnect_server, "one")
            await until(lambda: leaving.scope.cancel_called)
            await client.connect_server(config("one", everything))
        assert failed == ["one has been disconnected"]
        assert text_of(await client.call_tool("echo", {"text": "still here"})) == "still here"


async def test_no_call_is_lost_or_left_hanging_while_connections_go_again_and_again(everything):
    async with AdvancedMCPClient(options=ManagerOptions(RetryPolicy(base=0.0))) as client:
        await client.connect_server(config("one", everything))
        answered = []

        async def call(number: int) -> None:
            result = await client.call_tool_with_retry("one", "echo", {"text": str(number)}, max_retries=50)
            answered.append((number, text_of(result)))

        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(call, number)
                if number % 12 == 3:
                    await everything.cut()
                if number % 12 == 9:
                    tasks.start_soon(client.reconnect_server, "one")
                await anyio.lowlevel.checkpoint()
        assert sorted(answered) == [(number, str(number)) for number in range(60)]
        assert client.metrics.tool_calls["one.echo"].successful_calls == 60
        assert client.sessions["one"].started > 1


async def test_those_who_reconnect_at_the_same_time_share_one_connection(everything):
    async with AdvancedMCPClient(options=AT_ONCE) as client:
        first = await client.connect_server(config("one", everything))
        found = []

        async def reconnect() -> None:
            found.append(await client.reconnect_server("one"))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(reconnect)
        assert everything.served == 2
        assert {id(session) for session in found} == {id(client.sessions["one"].session)}
        assert client.sessions["one"].session is not first


async def test_a_server_that_stays_away_is_given_up_after_a_few_attempts_and_found_again_later(everything):
    away = False
    tries = []

    def door():
        tries.append(away)
        if away:
            raise ConnectionClosed("nobody is at home")
        return everything.door()

    async with AdvancedMCPClient(options=AT_ONCE) as client:
        await client.connect_server(ServerConfig("one", door, QUICK))
        away = True
        await everything.cut()
        await until(lambda: client.sessions["one"].health_status == "unhealthy" and tries.count(True) == 5)
        with pytest.raises(ConnectionClosed, match="nobody is at home"):
            await client.call_tool_with_retry("one", "echo", {"text": "x"}, max_retries=0)
        assert tries.count(True) == 10
        away = False
        assert text_of(await client.call_tool_with_retry("one", "echo", {"text": "back"})) == "back"


# Health -------------------------------------------------------------------------------------


async def test_health_tells_of_each_server_and_what_went_wrong_last(everything, tmp_path):
    now = [1000.0]
    options = ManagerOptions(RetryPolicy(base=0.0), wall_clock=lambda: now[0])
    async with AdvancedMCPClient(options=options) as client:
        await client.connect_server(config("one", everything))
        await client.connect_server(ServerConfig("two", process("two", tmp_path / "n"), QUICK, restart=False))
        now[0] = 1060.0
        with pytest.raises(ConnectionClosed):
            await client.call_tool_with_retry("two", "die", max_retries=0)
        health = await client.health_check()
        assert list(health) == ["one", "two"]
        one, two = health["one"], health["two"]
        assert (one.status, one.uptime, one.last_used, one.last_error) == ("healthy", 60.0, None, None)
        assert one.latency > 0
        assert (two.status, two.uptime, two.errored_at) == ("unhealthy", None, 1060.0)
        assert "killed by its own tool" in two.last_error


async def test_a_server_that_says_nothing_is_unhealthy_in_bounded_time():
    script = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    request = json.loads(line)\n"
        "    if request['method'] != 'initialize': continue\n"
        "    result = {'protocolVersion': '2025-11-25', 'capabilities': {}, 'serverInfo': {'name': 'deaf'}}\n"
        "    print(json.dumps({'jsonrpc': '2.0', 'id': request['id'], 'result': result}), flush=True)\n"
    )
    settings = ClientSettings(revisions=REVISIONS[:-1], stop_grace=0.5)
    with anyio.fail_after(20):
        async with AdvancedMCPClient() as client:
            await client.connect_server(ServerConfig("deaf", StdioCommand((sys.executable, "-c", script)), settings))
            health = await client.health_check(timeout=0.05)
            assert health["deaf"].status == "unhealthy"
            assert "no answer within" in health["deaf"].last_error


# Resources ----------------------------------------------------------------------------------


async def test_a_legacy_resource_that_is_read_again_is_kept_until_it_changes():
    notes = Notes()
    async with house(notes.server) as served, AdvancedMCPClient() as client:
        await client.connect_server(config("one", served, LEGACY))
        for _ in range(5):
            await client.read_resource("one", NOTE)
        assert notes.reads == 2  # the first is not watched, the second is
        assert ("one", NOTE) in client.resource_cache
        notes.server.resource_updated(NOTE)
        await until(lambda: ("one", NOTE) not in client.resource_cache)
        assert (await client.read_resource("one", NOTE))["contents"][0]["text"] == "read 3"
        assert client.metrics.resource_accesses["one"].total_calls == 3


async def test_hints_of_a_modern_server_decide_and_its_notifications_count_more():
    notes = Notes(ttlMs=60_000)
    async with house(notes.server) as served, AdvancedMCPClient() as client:
        await client.connect_server(config("one", served))
        for _ in range(5):
            await client.read_resource("one", NOTE)
        assert notes.reads == 1
        notes.server.resource_updated(NOTE)
        await client.sessions["one"].session.ping()  # what was sent before the answer has come before it
        assert (await client.read_resource("one", NOTE))["contents"][0]["text"] == "read 2"


async def test_what_was_kept_goes_with_its_connection():
    notes = Notes()
    async with house(notes.server) as served, AdvancedMCPClient(options=AT_ONCE) as client:
        await client.connect_server(config("one", served, LEGACY))
        for _ in range(3):
            await client.read_resource("one", NOTE)
        await client.reconnect_server("one")
        assert len(client.resource_cache) == 0


# Over HTTP ----------------------------------------------------------------------------------


@pytest.mark.parametrize("revisions", [REVISIONS, REVISIONS[:-1]], ids=["modern", "legacy"])
async def test_a_server_over_http_may_go_and_come_back(revisions):
    settings = ClientSettings(revisions=revisions, timeout=5)
    async with AdvancedMCPClient(options=AT_ONCE) as client:
        async with serving(MCPApplication(make_server())) as at:
            await client.connect_server(ServerConfig("one", f"http://{at.address}/mcp", settings))
            assert text_of(await client.call_tool("echo", {"text": "1"})) == "1"
        with pytest.raises(Unreachable):
            await client.call_tool("echo", {"text": "2"})
        assert (await client.health_check(timeout=1))["one"].status == "unhealthy"
        async with serving(MCPApplication(make_server()), port=at.port):
            assert text_of(await client.call_tool("echo", {"text": "3"})) == "3"
            assert (await client.health_check(timeout=5))["one"].status == "healthy"
            while revisions is REVISIONS and "extra" not in client.tool_registry:  # changes are heard of again
                await client.call_tool("toggle_extra_tool")
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("revisions", [REVISIONS, REVISIONS[:-1]], ids=["modern", "legacy"])
async def test_changes_are_heard_of_over_http(revisions):
    settings = ClientSettings(revisions=revisions, timeout=5)
    async with AdvancedMCPClient(options=AT_ONCE) as client, serving(MCPApplication(make_server())) as at:
        await client.connect_server(ServerConfig("one", f"http://{at.address}/mcp", settings))
        await client.call_tool("toggle_extra_tool")
        await until(lambda: "extra" in client.tool_registry)


async def test_a_server_over_a_websocket_is_connected_to_again():
    options = HttpOptions(websocket=True)
    async with AdvancedMCPClient(options=AT_ONCE) as client:
        async with serving(MCPApplication(make_server(), options=options)) as at:
            await client.connect_server(ServerConfig("one", f"ws://{at.address}/ws", QUICK, restart=False))
            assert text_of(await client.call_tool("echo", {"text": "1"})) == "1"
        await until(lambda: client.sessions["one"].health_status == "unhealthy")
        async with serving(MCPApplication(make_server(), options=options), port=at.port):
            assert text_of(await client.call_tool("echo", {"text": "2"})) == "2"


# The end ------------------------------------------------------------------------------------


async def test_leaving_stops_every_process(tmp_path):
    with anyio.fail_after(20):
        async with AdvancedMCPClient() as client:
            for name in ("one", "two"):
                await client.connect_server(ServerConfig(name, process(name, tmp_path / "n"), QUICK))
            pids = [int(text_of(await client.call_tool(f"{name}.pid"))) for name in ("one", "two")]
    assert not any(_runs(pid) for pid in pids)


async def test_a_cancellation_stops_every_process(tmp_path):
    pids = []
    with anyio.fail_after(20), anyio.CancelScope() as scope:
        async with AdvancedMCPClient() as client:
            await client.connect_server(ServerConfig("one", process("one", tmp_path / "n"), QUICK))
            pids.append(int(text_of(await client.call_tool("pid"))))
            scope.cancel()
            await anyio.sleep_forever()
    assert pids
    assert not any(_runs(pid) for pid in pids)


async def test_a_call_under_way_fails_when_its_server_is_left(everything):
    async with AdvancedMCPClient() as client:
        await client.connect_server(config("one", everything))
        failures = []

        async def call() -> None:
            try:
                await client.call_tool_with_retry("one", "slow", {"seconds": 20}, max_retries=0)
            except ConnectionClosed as error:
                failures.append(str(error))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await until(lambda: client.sessions["one"].session._requester.caller._watched)
            await client.disconnect_server("one")
        assert failures


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
