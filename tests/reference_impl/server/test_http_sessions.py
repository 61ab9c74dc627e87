"""Legacy sessions over HTTP: their life, their streams, resumption, batches."""

import asyncio

import anyio
import pytest

from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.http.sessions import MOST_UNSENT, SessionStore
from reference_impl.server.subscriptions import Hub
from reference_impl.servers.everything import make_server

WATCHED = {"uri": "test://watched-resource"}
pytestmark = pytest.mark.anyio
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
EVENTS = {"accept": "text/event-stream"}


def call(name, arguments=None, identifier=1, token=None):
    params = {"name": name, "arguments": arguments or {}}
    if token is not None:
        params["_meta"] = {"progressToken": token}
    return {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}


async def test_a_session_id_is_unguessable_and_visible_ascii(web):
    first, second = await web.initialize(), await web.initialize()
    identifiers = {first["mcp-session-id"], second["mcp-session-id"]}
    assert len(identifiers) == 2
    for identifier in identifiers:
        assert len(identifier) >= 22
        assert all("!" <= character <= "~" for character in identifier)


async def test_a_refused_initialize_opens_no_session(web):
    reply = await web.send(body={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})
    assert reply.json["error"]["code"] == -32602
    assert "mcp-session-id" not in reply.headers
    assert len(web.application.sessions) == 0


async def test_requests_need_a_session_that_lives(web):
    assert (await web.send(body=LIST)).status == 400
    reply = await web.send(body=LIST, headers={"mcp-session-id": "unknown"})
    assert (reply.status, reply.json["id"]) == (404, 1)
    session = await web.initialize()
    assert (await web.send(body=LIST, headers=session)).status == 200
    assert (await web.send("DELETE", headers=session)).status == 204
    for method, body in (("POST", LIST), ("GET", b""), ("DELETE", b"")):
        assert (await web.send(method, body, session)).status == 404


async def test_a_stream_without_a_session_is_not_offered(web):
    assert (await web.send("GET", headers=EVENTS)).status == 405
    assert (await web.send("GET", headers=EVENTS | {"mcp-protocol-version": "2025-11-25"})).status == 400
    assert (await web.send("DELETE")).status == 400


@pytest.mark.parametrize(
    ("version", "status"), [("2025-11-25", 200), ("2025-06-18", 200), (None, 200), ("nonsense", 400)]
)
async def test_the_version_header_must_name_a_revision(web, version, status):
    session = await web.initialize() | {"mcp-protocol-version": version}
    assert (await web.send(body=LIST, headers=session)).status == status


async def test_notifications_and_responses_are_accepted_without_a_body(web):
    session = await web.initialize()
    for body in ({"jsonrpc": "2.0", "method": "notifications/x"}, {"jsonrpc": "2.0", "id": 9, "result": {}}):
        reply = await web.send(body=body, headers=session)
        assert (reply.status, reply.body) == (202, b"")


async def test_errors_of_requests_in_a_session_are_answers_not_statuses(web):
    session = await web.initialize()
    reply = await web.send(body={"jsonrpc": "2.0", "id": 1, "method": "no/such"}, headers=session)
    assert (reply.status, reply.json["error"]["code"]) == (200, -32601)


@pytest.mark.parametrize(("version", "primed"), [("2025-11-25", True), ("2025-06-18", False), ("2025-03-26", False)])
async def test_streams_are_primed_where_the_revision_says_so(web, version, primed):
    session = await web.initialize(version)
    reply = await web.send(body=call("slow", {"seconds": 0.02, "steps": 1}, token=1), headers=session)
    events = reply.events
    assert (events[0].data == "") is primed
    assert len({event.id for event in events}) == len(events)
    assert [message.get("method", "answer") for message in reply.messages] == ["notifications/progress", "answer"]


async def test_a_request_of_the_server_rides_on_the_stream_of_the_call(web):
    session = await web.initialize(capabilities={"elicitation": {}})
    reply = await web.open(body=call("ask"), headers=session)
    request = await reply.message()
    assert request["method"] == "elicitation/create"
    answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"action": "accept", "content": {"name": "Ann"}}}
    assert (await web.send(body=answer, headers=session)).status == 202
    assert (await reply.message())["result"]["content"][0]["text"] == "Hello, Ann"
    assert await reply.event() is None


async def test_another_session_cannot_answer_in_its_place(web):
    session, other = await web.initialize(capabilities={"elicitation": {}}), await web.initialize()
    reply = await web.open(body=call("ask"), headers=session)
    request = await reply.message()
    forged = {"jsonrpc": "2.0", "id": request["id"], "result": {"action": "accept", "content": {"name": "Eve"}}}
    await web.send(body=forged, headers=other)
    honest = {"jsonrpc": "2.0", "id": request["id"], "result": {"action": "decline"}}
    await web.send(body=honest, headers=session)
    assert (await reply.message())["result"]["content"][0]["text"] == "The user chose to decline"


async def test_unrelated_messages_go_to_one_stream_only(web):
    session = await web.initialize()
    first = await web.open("GET", headers=session | EVENTS)
    second = await web.open("GET", headers=session | EVENTS)
    await web.send(body=call("toggle_extra_tool"), headers=session)
    assert (await second.message())["method"] == "notifications/tools/list_changed"
    await second.leave()
    await web.send(body=call("toggle_extra_tool"), headers=session)
    assert (await first.message())["method"] == "notifications/tools/list_changed"
    assert not first.events


async def test_what_happens_while_no_stream_is_open_waits_for_the_next(web):
    session = await web.initialize()
    await web.send(body=call("toggle_extra_tool"), headers=session)
    stream = await web.open("GET", headers=session | EVENTS)
    assert (await stream.message())["method"] == "notifications/tools/list_changed"


async def test_streams_that_come_and_go_are_not_kept_for_ever(web):
    session = await web.initialize()
    for _ in range(20):
        stream = await web.open("GET", headers=session | EVENTS)
        await stream.leave()
    kept = web.application.sessions.get(session["mcp-session-id"], None)
    assert len(kept._streams) <= 9


async def test_a_reader_that_falls_hopelessly_behind_is_let_go(web):
    session = await web.initialize()
    stream = await web.open("GET", headers=session | EVENTS)
    await web.send("POST", {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": WATCHED}, session)
    for _ in range(5000):
        web.application.server.resource_updated(WATCHED["uri"])
    while await stream.event() is not None:
        pass


async def test_a_stream_needs_a_client_that_takes_events(web):
    session = await web.initialize()
    assert (await web.send("GET", headers=session | {"accept": "application/json"})).status == 406


async def test_disconnecting_does_not_cancel_and_the_rest_can_be_fetched(web):
    session = await web.initialize()
    reply = await web.open(body=call("slow", {"seconds": 0.2, "steps": 4}, token=1), headers=session)
    events = [await reply.event() for _ in range(2)]
    reply.disconnect()
    resumed = await web.open("GET", headers=session | EVENTS | {"last-event-id": events[-1].id})
    rest = []
    while (message := await resumed.message()) is not None:
        rest.append(message)
    assert [message["params"]["progress"] for message in rest[:-1]] == [2, 3, 4]
    assert rest[-1]["result"]["content"][0]["text"] == "Took 0.2 s"


async def test_a_stream_that_ended_can_be_replayed_and_only_that_one(web):
    session = await web.initialize()
    first = await web.send(body=call("slow", {"seconds": 0.01, "steps": 1}, 1, token=1), headers=session)
    await web.send(body=call("slow", {"seconds": 0.01, "steps": 1}, 2, token=2), headers=session)
    replay = await web.send("GET", headers=session | EVENTS | {"last-event-id": first.events[0].id})
    assert replay.messages == first.messages


@pytest.fixture
def gate():
    return asyncio.Event()


@pytest.fixture
def gated(web_of, gate):
    """A server whose only tool reports progress and waits for the gate."""
    server = AdvancedMCPServer("s")

    @server.tool()
    async def hold(context: Context) -> str:
        context.progress(1)
        await gate.wait()
        return "held"

    return web_of(MCPApplication(server))


async def _broken_off(gated, gate, session, count):
    """Ask so many times, break off each time; return the last event seen of each when all are over."""
    seen = []
    for number in range(count):
        reply = await gated.open(body=call("hold", None, number, token=number), headers=session)
        while (event := await reply.event()).data == "":
            pass
        seen.append(event.id)
        reply.disconnect()
    await anyio.wait_all_tasks_blocked()
    gate.set()
    await anyio.wait_all_tasks_blocked()
    return seen


async def _answer(web, session, event):
    reply = await web.send("GET", headers=session | EVENTS | {"last-event-id": event})
    return reply.messages[-1]["id"] if reply.status == 200 else reply.status


async def test_however_many_streams_break_off_each_answer_can_be_fetched(gated, gate):
    session = await gated.initialize()
    seen = await _broken_off(gated, gate, session, 20)
    newest_first = [await _answer(gated, session, event) for event in reversed(seen)]
    assert newest_first == list(reversed(range(20)))


async def test_an_answer_that_was_never_sent_outlasts_those_that_were(gated, gate):
    session = await gated.initialize()
    (waiting,) = await _broken_off(gated, gate, session, 1)
    for number in range(1, 20):
        await gated.send(body=call("hold", None, number, token=number), headers=session)
    assert await _answer(gated, session, waiting) == 0


async def test_an_answer_that_is_not_kept_any_more_is_refused(gated, gate):
    session = await gated.initialize()
    seen = await _broken_off(gated, gate, session, MOST_UNSENT + 2)
    await gated.send(body=call("hold", None, 1000, token=1000), headers=session)
    answers = [await _answer(gated, session, event) for event in seen]
    assert answers == [400, 400, *range(2, MOST_UNSENT + 2)]


@pytest.mark.parametrize("identifier", ["99-1", "1-99", "1-x", "1-²"])
async def test_what_cannot_be_the_rest_of_an_answer_is_refused(web, identifier):
    session = await web.initialize()
    reply = await web.send("GET", headers=session | EVENTS | {"last-event-id": identifier})
    assert (reply.status, reply.json["error"]["code"]) == (400, -32600)


@pytest.mark.parametrize("identifier", ["nonsense", "g99-1", "-", "²-1"])
async def test_any_other_unknown_event_id_opens_a_fresh_stream(web, identifier):
    session = await web.initialize()
    stream = await web.open("GET", headers=session | EVENTS | {"last-event-id": identifier})
    assert stream.status == 200
    await web.send(body=call("toggle_extra_tool"), headers=session)
    assert (await stream.message())["method"] == "notifications/tools/list_changed"


async def test_a_handler_may_let_the_connection_go_and_the_client_comes_back(web):
    session = await web.initialize()
    reply = await web.open(body=call("test_reconnection"), headers=session)
    primer, parting = await reply.event(), await reply.event()
    assert (primer.data, parting.data) == ("", "")
    assert parting.retry is not None
    assert await reply.event() is None
    resumed = await web.open("GET", headers=session | EVENTS | {"last-event-id": parting.id})
    assert "result" in await resumed.message()


async def test_a_cancelled_request_ends_its_stream_without_an_answer(web):
    session = await web.initialize()
    reply = asyncio.ensure_future(web.send(body=call("slow", {"seconds": 30}, 7), headers=session))
    await web.send("GET", path="/health")
    await web.send(
        body={"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}, headers=session
    )
    assert (await reply).messages == []


async def test_an_id_in_flight_is_refused_within_a_session_only(web):
    session, other = await web.initialize(), await web.initialize()
    running = asyncio.ensure_future(web.send(body=call("slow", {"seconds": 0.2}, 7), headers=session))
    await web.send("GET", path="/health")
    again = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
    assert (await web.send(body=again, headers=session)).json["error"]["code"] == -32600
    assert (await web.send(body=again, headers=other)).json["result"] == {}
    assert "result" in (await running).json


async def test_batches_belong_to_2025_03_26(web):
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        call("echo", {"text": "a"}, 2),
        {"jsonrpc": "2.0", "method": "x"},
    ]
    session = await web.initialize("2025-03-26")
    reply = await web.send(body=batch, headers=session)
    assert {answer["id"] for answer in reply.json} == {1, 2}
    assert (await web.send(body=batch[2:], headers=session)).status == 202
    assert (await web.send(body=[], headers=session)).status == 400
    for version in ("2025-06-18", "2025-11-25"):
        reply = await web.send(body=batch, headers=await web.initialize(version))
        assert (reply.status, reply.json["error"]["code"]) == (400, -32600)


async def test_deleting_a_session_ends_its_streams_and_requests(web):
    session = await web.initialize()
    stream = await web.open("GET", headers=session | EVENTS)
    running = asyncio.ensure_future(web.send(body=call("slow", {"seconds": 30}), headers=session))
    await web.send("GET", path="/health")
    await web.send("DELETE", headers=session)
    while (event := await stream.event()) is not None:
        assert event.data == ""
    assert (await running).messages == []


async def test_a_session_belongs_to_its_principal(web_of):
    async def authenticate(headers):
        return headers["x-user"]

    web = web_of(MCPApplication(AdvancedMCPServer("s"), authenticate=authenticate))
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    reply = await web.send(body=opening, headers={"x-user": "ann"})
    session = {"mcp-session-id": reply.headers["mcp-session-id"]}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert (await web.send(body=ping, headers=session | {"x-user": "ann"})).status == 200
    assert (await web.send(body=ping, headers=session | {"x-user": "eve"})).status == 404


async def test_too_many_sessions_are_refused(web_of):
    web = web_of(MCPApplication(make_server(), options=HttpOptions(most_sessions=1)))
    await web.initialize()
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    reply = await web.send(body={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    assert reply.status == 503
    assert "retry-after" in reply.headers


async def test_sessions_end_some_time_after_their_last_use():
    now = [0.0]
    store = SessionStore(Hub(), lifetime=10, most=5, clock=lambda: now[0])
    used, idle = store.create(None), store.create(None)
    assert store.add(used)
    assert store.add(idle)
    now[0] = 6
    assert store.get(used.id, None) is used
    now[0] = 12
    assert store.get(used.id, None) is used
    assert store.get(idle.id, None) is None
    now[0] = 100
    assert store.get(used.id, None) is None
    assert len(store) == 0


@pytest.mark.parametrize("obeys", [True, False])
async def test_a_cancelled_request_leaves_the_task_of_its_host_as_it_was(web_of, obeys):
    server = AdvancedMCPServer("s")
    entered = asyncio.Event()

    @server.tool("stay")
    async def stay():
        entered.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if obeys:
                raise
        return "all the same"

    inner, cancellations = MCPApplication(server), []

    async def host(scope, receive, send):
        await inner(scope, receive, send)
        cancellations.append(asyncio.current_task().cancelling())

    host.close = inner.close
    web = web_of(host)
    session = await web.initialize()
    asked = call("stay", identifier=7)
    reply = asyncio.ensure_future(web.send("POST", asked, session))
    await entered.wait()
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    await web.send("POST", cancel, session)
    assert (await reply).messages == []
    assert cancellations == [0] * 4
    await web.close()
