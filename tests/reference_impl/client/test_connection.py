"""Requests, results and failures, on an ordered channel."""

import anyio
import anyio.lowlevel
import pytest

from reference_impl.client import (
    CallOptions,
    ClientSettings,
    ConnectionClosed,
    InvalidAnswer,
    NotOffered,
    Progress,
    RequestFailed,
    RequestTimeout,
    ResourceNotFound,
    connect,
)
from reference_impl.client.channel_wire import ChannelWire
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, LOG_LEVEL, PROTOCOL_VERSION
from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import R2025_11_25
from reference_impl.transports.memory import memory_pair
from reference_impl.transports.messages import LineChannel

pytestmark = pytest.mark.anyio


async def test_a_tool_result_comes_back_as_the_server_sent_it(talk):
    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        assert call["params"]["name"] == "add"
        assert call["params"]["arguments"] == {"a": 1}
        assert call["params"]["_meta"][PROTOCOL_VERSION] == "2026-07-28"
        assert call["params"]["_meta"][CLIENT_CAPABILITIES] == {"extensions": {TASKS: {}}}
        await peer.complete(call, content=[{"type": "text", "text": "3"}], structuredContent=3)

    async with talk(server) as client:
        result = await client.call_tool("add", {"a": 1})
        assert result["structuredContent"] == 3


async def test_a_tool_that_fails_is_a_result_and_no_exception(talk):
    async def server(peer):
        await peer.open_legacy()
        await peer.answer(await peer.expect("tools/call"), {"content": [], "isError": True})

    async with talk(server) as client:
        assert (await client.call_tool("broken"))["isError"] is True


async def test_a_legacy_request_carries_no_modern_metadata(talk):
    async def server(peer):
        await peer.open_legacy()
        request = await peer.expect("prompts/get")
        assert request["params"] == {"name": "review", "arguments": {"code": "x"}}
        await peer.answer(request, {"messages": []})

    async with talk(server) as client:
        assert await client.get_prompt("review", {"code": "x"}) == {"messages": []}


async def test_an_error_answer_raises_with_code_message_and_data(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.refuse(await peer.expect("resources/read"), -32602, "Resource not found", {"uri": "x://y"})

    async with talk(server) as client:
        with pytest.raises(RequestFailed) as caught:
            await client.read_resource("x://y")
    assert (caught.value.code, caught.value.message, caught.value.data) == (
        -32602,
        "Resource not found",
        {"uri": "x://y"},
    )


async def test_answers_find_their_requests_in_any_order(talk):
    async def server(peer):
        await peer.open_modern()
        first, second = await peer.receive(), await peer.receive()
        await peer.complete(second, content=[second["params"]["name"]])
        await peer.complete(first, content=[first["params"]["name"]])

    results = {}

    async def call(client, name):
        results[name] = (await client.call_tool(name))["content"]

    async with talk(server) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(call, client, "one")
        tasks.start_soon(call, client, "two")
    assert results == {"one": ["one"], "two": ["two"]}


async def test_no_id_is_used_twice(talk):
    async def server(peer):
        await peer.open_legacy()
        for _ in range(3):
            await peer.answer(await peer.expect("ping"), {})
        ids = [message["id"] for message in peer.seen if "id" in message]
        assert len(ids) == len(set(ids))

    async with talk(server) as client:
        for _ in range(3):
            await client.ping()


async def test_noise_between_the_messages_is_ignored(talk, caplog):
    async def server(peer):
        await peer.open_legacy()
        request = await peer.expect("ping")
        await peer.send(b"Server is listening!")
        await peer.send(b'{"jsonrpc":"2.0","method":7}')
        await peer.send({"id": 999, "result": {}})
        await peer.answer(request, {})

    async with talk(server) as client:
        await client.ping()
    assert "Server is listening!" in caplog.text


async def test_a_malformed_answer_fails_its_own_request_at_once(talk):
    async def server(peer):
        await peer.open_legacy()
        request = await peer.expect("ping")
        await peer.send({"id": request["id"], "result": {}, "error": {"code": 1, "message": "both"}})

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer, match="neither a result nor an error"):
            await client.ping()


async def test_a_batch_is_read_where_the_revision_has_batches(talk):
    async def server(peer):
        await peer.open_legacy("2025-03-26")
        request = await peer.expect("ping")
        await peer.send(b'[{"jsonrpc":"2.0","id":%d,"result":{}}]' % request["id"])

    async with talk(server) as client:
        await client.ping()


@pytest.mark.parametrize("kind", ["task", "partial", 7])
async def test_a_result_of_an_unknown_type_is_refused(talk, kind):
    async def server(peer):
        await peer.open_modern()
        await peer.answer(await peer.expect("tools/call"), {"resultType": kind, "content": []})

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer, match="type"):
            await client.call_tool("x")


async def test_a_result_without_a_type_is_complete(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.answer(await peer.expect("tools/call"), {"content": []})

    async with talk(server) as client:
        assert await client.call_tool("x") == {"content": []}


async def test_what_the_server_does_not_declare_is_not_asked_for(talk):
    async def server(peer):
        await peer.open_modern({"tools": {}, "resources": {}})

    async with talk(server) as client:
        with pytest.raises(NotOffered, match="prompts"):
            await client.list_prompts()
        with pytest.raises(NotOffered, match="has no resources/subscribe"):
            await client.request("resources/subscribe", {"uri": "x"})


async def test_completion_needs_no_declaration_before_there_was_one(talk):
    async def server(peer):
        await peer.open_legacy("2024-11-05", {"prompts": {}})
        request = await peer.expect("completion/complete")
        assert request["params"] == {
            "ref": {"type": "ref/prompt", "name": "p"},
            "argument": {"name": "a", "value": "v"},
        }
        await peer.answer(request, {"completion": {"values": ["vv"]}})

    async with talk(server) as client:
        result = await client.complete({"type": "ref/prompt", "name": "p"}, "a", "v")
        assert result["completion"]["values"] == ["vv"]


# Timeouts, progress, cancellation -------------------------------------------------------------


@pytest.mark.parametrize("opening", ["open_modern", "open_legacy"])
async def test_a_request_without_an_answer_times_out_and_is_cancelled(talk, opening):
    async def server(peer):
        await getattr(peer, opening)()
        call = await peer.expect("tools/call")
        cancelled = await peer.expect("notifications/cancelled")
        assert cancelled["params"]["requestId"] == call["id"]
        await peer.send({"id": call["id"], "result": {"content": ["too late"]}})
        await peer.answer(await peer.expect("tools/call"), {"content": ["second"]})

    async with talk(server) as client:
        with pytest.raises(RequestTimeout, match=r"tools/call: no answer within 0\.01 s"):
            await client.call_tool("slow", options=CallOptions(timeout=0.01))
        assert (await client.call_tool("fast"))["content"] == ["second"]


async def test_leaving_a_request_cancels_it_and_the_connection_goes_on(talk):
    called = anyio.Event()

    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        called.set()
        assert (await peer.expect("notifications/cancelled"))["params"]["requestId"] == call["id"]
        await peer.complete(await peer.expect("tools/call"), content=["second"])

    async with talk(server) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "slow")
            await called.wait()
            tasks.cancel_scope.cancel()
        assert (await client.call_tool("fast"))["content"] == ["second"]


async def test_an_unanswered_handshake_is_never_cancelled(talk):
    async def server(peer):
        await peer.refuse(await peer.expect("server/discover"), -32601)
        await peer.expect("initialize")
        with pytest.raises(anyio.EndOfStream):
            await peer.receive()

    with pytest.raises(RequestTimeout):
        async with talk(server, timeout=0.01):
            pass


async def test_progress_reaches_the_request_that_asked_for_it(talk):
    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        token = call["params"]["_meta"]["progressToken"]
        for step in (1, 2):
            params = {"progressToken": token, "progress": step, "total": 2, "message": f"step {step}"}
            await peer.send({"method": "notifications/progress", "params": params})
        await peer.send({"method": "notifications/progress", "params": {"progressToken": "other", "progress": 9}})
        await peer.complete(call, content=[])

    steps: list[Progress] = []
    async with talk(server) as client:
        await client.call_tool("slow", options=CallOptions(on_progress=steps.append))
    assert steps == [Progress(1, 2, "step 1"), Progress(2, 2, "step 2")]


async def test_progress_that_is_none_is_passed_over(talk):
    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        token = call["params"]["_meta"]["progressToken"]
        for named, step in (
            (token, 1),
            (token, 1),
            (token, 0),
            (token, "2"),
            (True, 3),
            (None, 4),
            ([], 5),
            (token, 6),
        ):
            await peer.send({"method": "notifications/progress", "params": {"progressToken": named, "progress": step}})
        await peer.complete(call, content=[])
        await tell_more(peer, token)

    async def tell_more(peer, token):
        await peer.send({"method": "notifications/progress", "params": {"progressToken": token, "progress": 7}})

    steps: list[Progress] = []
    async with talk(server) as client:
        await client.call_tool("slow", options=CallOptions(on_progress=steps.append))
    assert [step.progress for step in steps] == [1, 6]


async def test_progress_starts_the_timeout_anew_but_not_beyond_the_maximum(talk):
    async def server(peer):
        await peer.open_modern()
        token = (await peer.expect("tools/call"))["params"]["_meta"]["progressToken"]
        step = 0
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:

                async def watch():
                    await peer.expect("notifications/cancelled")
                    scope.cancel()

                tasks.start_soon(watch)
                while True:
                    step += 1
                    params = {"progressToken": token, "progress": step}
                    await peer.send({"method": "notifications/progress", "params": params})
                    await anyio.lowlevel.checkpoint()
        await peer.complete(await peer.expect("tools/call"), content=[])

    steps: list[Progress] = []
    async with talk(server, maximum=0.1) as client:
        started = anyio.current_time()
        with pytest.raises(RequestTimeout):
            await client.call_tool("slow", options=CallOptions(timeout=0.03, on_progress=steps.append))
        assert anyio.current_time() - started >= 0.09
        await client.call_tool("fast")
    assert steps


async def test_without_a_wish_for_progress_no_token_is_sent(talk):
    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        assert "progressToken" not in call["params"]["_meta"]
        await peer.complete(call, content=[])

    async with talk(server) as client:
        await client.call_tool("x")


async def test_the_end_of_the_connection_fails_what_waits(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.expect("tools/call")
        await peer.channel.aclose()

    async with talk(server) as client:
        with pytest.raises(ConnectionClosed):
            await client.call_tool("x")
        with pytest.raises(ConnectionClosed):
            await client.call_tool("y")


# Logging ----------------------------------------------------------------------------------------


async def test_the_log_level_is_a_request_in_the_legacy_era(talk):
    async def server(peer):
        await peer.open_legacy()
        request = await peer.expect("logging/setLevel")
        assert request["params"] == {"level": "warning"}
        await peer.answer(request, {})

    async with talk(server) as client:
        await client.set_logging_level("warning")


async def test_the_log_level_goes_with_each_request_in_the_modern_era(talk):
    async def server(peer):
        await peer.open_modern()
        for level in ("warning", "debug"):
            call = await peer.expect("tools/call")
            assert call["params"]["_meta"][LOG_LEVEL] == level
            await peer.send({"method": "notifications/message", "params": {"level": "error", "data": "disk"}})
            await peer.complete(call, content=[])

    heard = []
    async with talk(server, on_notification=heard.append) as client:
        await client.set_logging_level("warning")
        await client.call_tool("x")
        await client.call_tool("x", options=CallOptions(log_level="debug"))
    assert [notification.params["data"] for notification in heard] == ["disk", "disk"]


async def test_an_unknown_log_level_is_refused(talk):
    async def server(peer):
        await peer.open_modern()

    async with talk(server) as client:
        with pytest.raises(ValueError, match="none of debug"):
            await client.set_logging_level("loud")


@pytest.mark.parametrize(
    ("opening", "code", "failure"),
    [
        ("open_modern", -32602, ResourceNotFound),
        ("open_modern", -32002, ResourceNotFound),
        ("open_legacy", -32002, ResourceNotFound),
        ("open_legacy", -32602, RequestFailed),
    ],
)
async def test_a_resource_that_is_not_there_has_its_own_failure_in_both_eras(talk, opening, code, failure):
    async def server(peer):
        await getattr(peer, opening)()
        await peer.refuse(await peer.expect("resources/read"), code)

    async with talk(server) as client:
        with pytest.raises(RequestFailed, match="resources/read: no") as caught:
            await client.read_resource("file:///gone")
        assert type(caught.value) is failure


async def test_a_message_that_nobody_takes_has_a_deadline():
    class Full(ChannelWire):
        async def send(self, _):
            await anyio.sleep_forever()

    async def refuse_and_greet(peer):
        request = decode_json((await peer.receive()).strip())
        answer = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "x", "version": "1"}}
        await peer.send(encode_json({"jsonrpc": "2.0", "id": request["id"], "result": answer}) + b"\n")

    near, far = memory_pair()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refuse_and_greet, far)
        settings = ClientSettings(timeout=0.02, revisions=(R2025_11_25,))
        with pytest.raises(ConnectionClosed, match="reads no more"):
            async with connect(Full(LineChannel(near)), settings):
                pass


async def test_a_request_that_is_given_up_while_it_is_written_is_cancelled_too(talk):
    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        assert (await peer.expect("notifications/cancelled"))["params"]["requestId"] == call["id"]
        await peer.complete(await peer.expect("tools/call"), content=[])

    async with talk(server) as client:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.call_tool("slow")
        await client.call_tool("fast")


async def test_what_functions_of_the_user_raise_is_logged_and_ends_nothing(talk, caplog):
    def broken(news):
        raise RuntimeError(f"cannot hear of {type(news).__name__}")

    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        token = call["params"]["_meta"]["progressToken"]
        await peer.send({"method": "notifications/message", "params": {}})
        await peer.send({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1}})
        await peer.complete(call, content=["done"])

    async with talk(server, on_notification=broken) as client:
        result = await client.call_tool("slow", options=CallOptions(on_progress=broken))
        assert result["content"] == ["done"]
    assert "cannot hear of Notification" in caplog.text
    assert "cannot hear of Progress" in caplog.text


async def test_noise_without_end_is_told_of_a_few_times(talk, caplog):
    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        await peer.send(b"y\n" * 1000)
        await peer.answer(ping, {})

    async with talk(server) as client:
        await client.ping()
    assert [record.message.count("silently from here on") for record in caplog.records] == [0] * 19 + [1]
