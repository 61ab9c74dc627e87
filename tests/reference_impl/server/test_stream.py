"""The server on a byte stream: framing, ids, eras, batches, cancellation, the end."""

import asyncio
import threading

import anyio
import pytest

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.stream import serve_stream

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("identifier", ["1", "abc", 1, 0, -1, 2**53 - 1, "ünï", "x" * 1000])
async def test_an_id_comes_back_with_its_value_and_type(over_lines, identifier):
    async with over_lines() as client:
        answer = await client.ask("ping", identifier=identifier)
        assert answer == {"jsonrpc": "2.0", "id": identifier, "result": {}}
        assert type(answer["id"]) is type(identifier)


async def test_first_calls_may_follow_initialize_without_waiting(over_lines):
    async with over_lines() as client:
        await client.write(
            b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
            b'"clientInfo":{"name":"a","version":"1"}}}\n'
            b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
            b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}\n'
        )
        assert (await client.answer(2))["result"]["content"] == [{"type": "text", "text": "hi"}]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"garbage", -32700),
        (b'{"jsonrpc":"2.0","id":1,', -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"42", -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":"ping","params":[]}', -32600),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":5,"method":"ping"}]', -32600),
    ],
)
async def test_what_is_no_message_is_refused_and_the_server_lives_on(over_lines, line, code):
    async with over_lines() as client:
        await client.write(line + b"\n")
        answer = await client.receive()
        assert answer["error"]["code"] == code
        assert answer.get("id", 5) == 5
        await client.fence()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"   ",
        b'{"jsonrpc":"2.0","method":"notifications/unknown"}',
        b'{"jsonrpc":"2.0","method":"notifications/initialized","params":[]}',
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"nobody"}}',
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}',
        b'{"jsonrpc":"2.0","method":"notifications/cancelled"}',
        b'{"jsonrpc":"2.0","method":"ping"}',
        b'{"jsonrpc":"2.0","id":99,"result":{}}',
        b'{"jsonrpc":"2.0","id":99,"error":{"code":1,"message":"x"}}',
        b'{"jsonrpc":"2.0","id":99,"result":{},"error":{}}',
    ],
)
async def test_what_asks_for_no_answer_gets_none(over_lines, line):
    async with over_lines() as client:
        await client.write(line + b"\n")
        await client.fence()
        assert client.seen == []


async def test_a_line_may_come_in_pieces_and_end_with_a_carriage_return(over_lines):
    async with over_lines() as client:
        for piece in (b'{"jsonrpc":"2.0",', b'"id":1,"method"', b':"ping"}\r', b"\n"):
            await client.write(piece)
        assert await client.receive() == {"jsonrpc": "2.0", "id": 1, "result": {}}


async def test_unusual_line_separators_inside_strings_are_ordinary_characters(over_lines):
    text = "a\u2028b\u2029c\u0085d\u000be 😀"
    async with over_lines() as client:
        answer = await client.modern("tools/call", {"name": "echo", "arguments": {"text": text}})
        assert answer["result"]["content"][0]["text"] == text


async def test_a_megabyte_goes_both_ways(over_lines):
    text = "x" * 1_000_000
    async with over_lines() as client:
        answer = await client.modern("tools/call", {"name": "echo", "arguments": {"text": text}})
        assert answer["result"]["content"][0]["text"] == text


async def test_a_line_over_the_limit_is_refused_and_dropped():
    to_server, at_server = anyio.create_memory_object_stream(10)
    to_client, at_client = anyio.create_memory_object_stream(10)
    async with to_server, at_server, to_client, at_client:
        serving = asyncio.ensure_future(serve_stream(AdvancedMCPServer("s"), at_server, to_client, limit=100))
        await to_server.send(b"x" * 200 + b'\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        await to_server.aclose()
        await serving
        received = b"".join([chunk async for chunk in _drained(at_client, to_client)])
    refused, answer = received.splitlines()
    assert b"-32600" in refused
    assert answer == b'{"jsonrpc":"2.0","id":1,"result":{}}'


async def _drained(receive, send):
    await send.aclose()
    async for chunk in receive:
        yield chunk


async def test_only_ping_comes_before_initialize(over_lines):
    async with over_lines() as client:
        assert (await client.ask("ping"))["result"] == {}
        assert (await client.ask("tools/list"))["error"]["code"] == -32602


async def test_both_eras_share_one_stream(over_lines):
    async with over_lines() as client:
        assert "2026-07-28" in (await client.modern("server/discover"))["result"]["supportedVersions"]
        assert (await client.initialize())["protocolVersion"] == "2025-11-25"
        legacy = (await client.ask("tools/list"))["result"]
        modern = (await client.modern("tools/list"))["result"]
        assert "resultType" not in legacy
        assert modern["resultType"] == "complete"


async def test_a_request_id_in_flight_cannot_be_used_again(over_lines):
    async with over_lines() as client:
        await client.initialize()
        slow = {"name": "slow", "arguments": {"seconds": 30, "steps": 1}}
        await client.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": slow})
        assert (await client.ask("ping", identifier=7))["error"]["code"] == -32600
        await client.notify("notifications/cancelled", {"requestId": 7})
        assert (await client.ask("ping", identifier=7))["result"] == {}


@pytest.mark.parametrize("modern", [False, True])
async def test_a_cancelled_request_is_never_answered(over_lines, modern):
    async with over_lines() as client:
        await client.initialize()
        meta = {"progressToken": 1}
        if modern:
            meta |= {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
            meta |= {"io.modelcontextprotocol/clientCapabilities": {}}
        slow = {"name": "slow", "arguments": {"seconds": 30, "steps": 1}, "_meta": meta}
        await client.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": slow})
        await client.notify("notifications/cancelled", {"requestId": 7, "reason": "enough"})
        await client.fence()
        await client.fence()
        assert client.seen == []


async def test_a_handler_that_ignores_cancellation_stays_unheard(over_lines, empty_server):
    stop = asyncio.Event()

    @empty_server.tool("stubborn")
    async def stubborn(context) -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            context.progress(1)
            stop.set()
        return "still here"

    async with over_lines(empty_server) as client:
        await client.initialize()
        call = {"name": "stubborn", "_meta": {"progressToken": "p"}}
        await client.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call})
        await client.fence()
        await client.notify("notifications/cancelled", {"requestId": 7})
        await asyncio.wait_for(stop.wait(), 5)
        await client.fence()
        assert client.seen == []


async def test_a_slow_call_holds_up_nobody(over_lines):
    async with over_lines() as client:
        slow = {"name": "slow", "arguments": {"seconds": 30}}
        await client.initialize()
        await client.send({"jsonrpc": "2.0", "id": "slow", "method": "tools/call", "params": slow})
        for _ in range(20):
            await client.fence()
        assert client.seen == []
        await client.notify("notifications/cancelled", {"requestId": "slow"})


async def test_a_blocking_handler_holds_up_nobody(over_lines, empty_server):
    release = threading.Event()

    @empty_server.tool("block")
    def block() -> str:
        release.wait(5)
        return "done"

    async with over_lines(empty_server) as client:
        await client.initialize()
        await client.send({"jsonrpc": "2.0", "id": "b", "method": "tools/call", "params": {"name": "block"}})
        await client.fence()
        release.set()
        assert (await client.answer("b"))["result"]["content"][0]["text"] == "done"


async def test_batches_are_served_at_2025_03_26_and_answered_together(over_lines):
    async with over_lines() as client:
        await client.initialize("2025-03-26")
        call = {"name": "echo", "arguments": {"text": "a"}}
        await client.send(
            [
                {"jsonrpc": "2.0", "id": 1, "method": "ping"},
                {"jsonrpc": "2.0", "method": "notifications/unknown"},
                {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
                {"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {}},
                7,
            ]
        )
        answers = {answer.get("id"): answer for answer in await client.answer(1)}
        assert answers[1]["result"] == {}
        assert answers[2]["result"]["content"][0]["text"] == "a"
        assert answers[3]["error"]["code"] == -32600
        assert answers[None]["error"]["code"] == -32600
        assert len(answers) == 4


async def test_a_batch_of_notifications_gets_no_answer(over_lines):
    async with over_lines() as client:
        await client.initialize("2025-03-26")
        await client.send([{"jsonrpc": "2.0", "method": "notifications/unknown"}])
        await client.fence()
        assert client.seen == []


async def test_what_is_quick_is_still_answered_after_the_end_of_input(over_lines):
    async with over_lines() as client:
        await client.initialize()
        call = {"name": "slow", "arguments": {"seconds": 0.05, "steps": 1}}
        await client.send({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": call})
        await client.end()
        assert (await client.answer(9))["result"]["content"][0]["text"] == "Took 0.05 s"


async def test_the_last_line_needs_no_line_end(over_lines):
    async with over_lines() as client:
        await client.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        await client.end()
        assert (await client.answer(1))["result"] == {}


async def test_a_result_that_no_json_can_hold_becomes_an_error(over_lines, empty_server):
    @empty_server.tool("odd")
    async def odd() -> str:
        return "\ud800"

    async with over_lines(empty_server) as client:
        await client.initialize()
        assert (await client.ask("tools/call", {"name": "odd"}))["error"]["code"] == -32603


@pytest.mark.parametrize("waits", [True, False])
async def test_a_handler_that_meets_a_cancellation_of_its_own_making_is_a_failure_and_is_answered(over_lines, waits):
    server = AdvancedMCPServer("s")

    @server.tool("stumble")
    async def stumble():
        """Await what was cancelled before."""
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        if not waits:
            raise asyncio.CancelledError
        await task

    async with over_lines(server) as client:
        await client.initialize()
        for _ in range(2):  # under the same id: nothing is left of the first
            assert (await client.ask("tools/call", {"name": "stumble"}, "again"))["error"]["code"] == -32603
        assert (await client.modern("tools/call", {"name": "stumble"}))["error"]["code"] == -32603


async def test_a_batch_has_an_end(over_lines):
    async with over_lines() as client:
        await client.initialize("2025-03-26")
        await client.write(encode_json([1] * 1001) + b"\n")
        assert (await client.receive())["error"]["code"] == -32600


async def test_a_client_that_says_too_much_of_itself_is_refused(over_lines):
    async with over_lines() as client:
        client_info = {"name": "test", "version": "1", "title": "x" * 65_536}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client_info}
        assert (await client.ask("initialize", params))["error"]["code"] == -32602
        await client.initialize()


async def test_subscriptions_have_an_end_for_each_client(over_lines):
    async with over_lines() as client:
        await client.initialize()
        for number in range(1000):
            await client.ask("resources/subscribe", {"uri": f"test://template/{number}/data"})
        assert "error" in await client.ask("resources/subscribe", {"uri": "test://template/new/data"})
        assert "result" in await client.ask("resources/subscribe", {"uri": "test://template/1/data"})
        await client.ask("resources/unsubscribe", {"uri": "test://template/1/data"})
        assert "result" in await client.ask("resources/subscribe", {"uri": "test://template/new/data"})
        uris = [f"test://template/{number}/data" for number in range(1001)]
        answer = await client.modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": uris}})
        assert answer["error"]["code"] == -32602
