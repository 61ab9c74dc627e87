"""What each client may take, and how the rest is refused."""

import asyncio

import pytest

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.auth import BearerTokens
from reference_impl.server.http.messages import HttpError, HttpRequest
from reference_impl.server.http.sessions import SessionStore
from reference_impl.server.http.shares import Shares, owner_of
from reference_impl.servers.everything import make_server

pytestmark = pytest.mark.anyio
EVENTS = {"accept": "text/event-stream"}


def request(principal=None, peer=None):
    return HttpRequest("GET", "/", {}, None, None, principal, peer)


@pytest.mark.parametrize(
    ("principal", "peer", "owner"),
    [
        ("ann", "127.0.0.1", "principal ann"),
        ("ann", "10.0.0.1", "principal ann"),
        (None, "10.0.0.1", "address 10.0.0.1"),
        (None, "127.0.0.1", None),
        (None, "::1", None),
        (None, None, None),
    ],
)
def test_shares_belong_to_principals_and_to_addresses_of_the_nameless(principal, peer, owner):
    assert owner_of(request(principal, peer)) == owner


def test_nobody_takes_more_than_a_share_and_all_together_no_more_than_there_is():
    shares = Shares("things", 3, 2)
    assert [shares.take("a"), shares.take("a"), shares.take("a")] == [True, True, False]
    assert [shares.take("b"), shares.take("b")] == [True, False]
    shares.give_back("a")
    assert [shares.take("b"), shares.take("c")] == [True, False]
    assert len(shares) == 3
    with pytest.raises(HttpError) as refusal, shares.held(request("d")):
        pass
    assert refusal.value.response.status == 503
    assert b"Too many things" in refusal.value.response.body


# Sessions ---------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def store(**options):
    clock = Clock()
    return SessionStore(AdvancedMCPServer("s").hub, clock=clock, **options), clock


def opened(sessions, owner=None, ready=True):
    session = sessions.create(None)
    session.session.initialized = ready
    return session if sessions.add(session, owner) else None


async def test_a_full_store_refuses_rather_than_ends_what_is_used():
    sessions, clock = store(most=2)
    kept = [opened(sessions, "a"), opened(sessions, "a")]
    clock.now = 1000
    assert opened(sessions, "a") is None
    assert opened(sessions, "b") is None
    assert all(sessions.get(session.id, None) is session for session in kept)


async def test_one_owner_cannot_fill_the_store():
    sessions, _ = store(most=10, each=2)
    assert [opened(sessions, "a") is not None for _ in range(3)] == [True, True, False]
    assert opened(sessions, "b") is not None
    assert [opened(sessions) is not None for _ in range(8)] == [True] * 7 + [False]


async def test_what_an_owner_abandoned_makes_room_for_the_same_owner_alone():
    sessions, clock = store(most=2)
    abandoned, used = opened(sessions, "a", ready=False), opened(sessions, "b")
    assert opened(sessions, "a") is None  # too soon: it may still be about to say that it is ready
    clock.now = 11
    assert opened(sessions, "b") is None
    fresh = opened(sessions, "a")
    assert fresh is not None
    assert sessions.get(abandoned.id, None) is None
    assert sessions.get(used.id, None) is used


async def test_an_attacker_who_opens_session_after_session_ends_nobody_elses():
    sessions, clock = store(most=50, each=40)
    others = [opened(sessions, "victim") for _ in range(5)]
    for _ in range(1000):
        clock.now += 1
        opened(sessions, "attacker", ready=False)
    assert len(sessions) <= 45
    assert all(sessions.get(session.id, None) is session for session in others)


async def test_ended_sessions_leave_their_share():
    sessions, _ = store(most=1, each=1)
    for _ in range(3):
        session = opened(sessions, "a")
        sessions.end(session)
        sessions.end(session)
    assert opened(sessions, "a") is not None


async def test_a_principal_over_its_share_is_told_to_come_back(web_of):
    options = HttpOptions(most_sessions_each=1)
    application = MCPApplication(make_server(), options=options, authenticate=BearerTokens({"s": "ann", "t": "eve"}))
    web = web_of(application)
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    replies = [await web.send("POST", body, {"authorization": f"Bearer {token}"}) for token in ("s", "s", "t")]
    assert [reply.status for reply in replies] == [200, 503, 200]
    assert replies[1].headers["retry-after"] == "5"
    assert replies[1].json["error"]["message"] == "Too many sessions"
    await web.close()


async def test_a_session_has_only_so_many_streams(web_of):
    web = web_of(MCPApplication(make_server(), options=HttpOptions(most_streams=2)))
    session = await web.initialize()
    first, second = [await web.open("GET", headers=session | EVENTS) for _ in range(2)]
    third = await web.send("GET", headers=session | EVENTS)
    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert "Too many streams" in third.json["error"]["message"]
    await first.leave()
    again = await web.open("GET", headers=session | EVENTS)
    assert again.status == 200
    await web.close()


async def test_streams_that_answer_requests_do_not_count_among_them(web_of):
    web = web_of(MCPApplication(make_server(), options=HttpOptions(most_streams=1)))
    session = await web.initialize()
    arguments = {"seconds": 5, "steps": 100}
    params = {"name": "slow", "arguments": arguments, "_meta": {"progressToken": 1}}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    under_way = await web.open("POST", body, session)
    await under_way.message()
    assert (await web.open("GET", headers=session | EVENTS)).status == 200
    await web.close()


# Requests ---------------------------------------------------------------------------------------


async def test_too_many_header_fields_are_refused(web_of):
    web = web_of(MCPApplication(make_server(), options=HttpOptions(most_header_fields=10)))
    many = {f"x-{number}": "1" for number in range(20)}
    reply = await web.send("GET", headers=many, path="/health")
    assert reply.status == 431
    assert (await web.send("GET", path="/health")).status == 200


async def test_too_large_a_body_is_refused(web_of):
    web = web_of(MCPApplication(make_server(), options=HttpOptions(largest_body=1000)))
    assert (await web.send("POST", b'"' + b"x" * 1000 + b'"')).status == 413


@pytest.mark.parametrize("depth", [100_000, 990])
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
async def test_deeply_nested_json_is_answered_like_any_other(web, depth, brackets):
    nested = brackets[0] * depth + b"1" + brackets[1] * depth
    head = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":'
    session = await web.initialize()
    for body in (nested, head + nested + b"}}}"):
        reply = await web.send("POST", body, session)
        assert reply.status in (200, 400)
        assert (
            await web.send("POST", encode_json({"jsonrpc": "2.0", "id": 2, "method": "ping"}), session)
        ).status == 200


# /health and /capabilities ----------------------------------------------------------------------


async def test_health_tells_how_busy_an_open_server_is(web):
    await web.initialize()
    reply = await web.send("GET", path="/health")
    assert reply.json.items() >= {"status": "ok", "sessions": 1, "channels": 0}.items()
    assert reply.headers["cache-control"] == "no-store"


async def test_health_of_a_guarded_server_says_no_more_than_that_it_serves(web_of):
    web = web_of(MCPApplication(make_server(), authenticate=BearerTokens({"secret": "ann"})))
    assert (await web.send("GET", path="/health")).json == {"status": "ok"}


async def test_health_says_that_the_server_is_about_to_go(web):
    web.application.close()
    reply = await web.send("GET", path="/health")
    assert (reply.status, reply.json["status"]) == (503, "stopping")


async def test_capabilities_are_for_those_who_may_call(web_of):
    web = web_of(MCPApplication(make_server(), authenticate=BearerTokens({"secret": "ann"})))
    assert (await web.send("GET", path="/capabilities")).status == 401
    reply = await web.send("GET", path="/capabilities", headers={"authorization": "Bearer secret"})
    assert reply.json["serverInfo"]["name"] == "everything"
    assert reply.json["endpoints"] == {"http": "/mcp"}
    assert "tools" in reply.json["capabilities"]


@pytest.mark.parametrize("path", ["/health", "/capabilities"])
async def test_head_is_get_without_the_body(web, path):
    full, head = await web.send("GET", path=path), await web.send("HEAD", path=path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == full.headers["content-type"]
    if path == "/capabilities":
        assert head.headers["content-length"] == full.headers["content-length"]
    refused = await web.send("POST", path=path)
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_nothing_is_left_of_a_refused_stream(web_of):
    application = MCPApplication(make_server(), options=HttpOptions(http_sse=True, most_channels=0))
    web = web_of(application)
    await web.send("GET", path="/health")  # begins the server's life, which has a task of its own
    before = len(asyncio.all_tasks())
    assert (await web.send("GET", headers=EVENTS, path="/sse")).status == 503
    assert len(asyncio.all_tasks()) == before


@pytest.mark.parametrize("waits", [True, False])
async def test_a_handler_that_meets_a_cancellation_of_its_own_making_is_answered(web_of, waits):
    server = AdvancedMCPServer("s")

    @server.tool("stumble")
    async def stumble():
        """Await what was cancelled before."""
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        if not waits:
            raise asyncio.CancelledError
        await task

    web = web_of(MCPApplication(server))
    assert (await web.modern("tools/call", {"name": "stumble"})).json["error"]["code"] == -32603
    session = await web.initialize()
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "stumble"}}
    for _ in range(2):
        assert (await web.send("POST", call, session)).json["error"]["code"] == -32603
    await web.close()
