"""Asking the client: requests in the legacy era, rounds in the modern one."""

import asyncio
import base64

import pytest

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.server import ServerOptions
from reference_impl.server.asking import checked
from reference_impl.server.inputs import Question
from reference_impl.server.state import StateSeal

pytestmark = pytest.mark.anyio
ASK = {"name": "ask", "arguments": {"question": "Who?"}}
ABLE = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}
YES = {"action": "accept", "content": {"name": "Ann"}}


async def next_request(client):
    while "id" not in (message := await client.receive()) or "method" not in message:
        client.seen.append(message)
    return message


async def start_legacy(client, call, capabilities=None, version="2025-11-25"):
    await client.initialize(version, ABLE if capabilities is None else capabilities)
    await client.send({"jsonrpc": "2.0", "id": "call", "method": "tools/call", "params": call})


async def test_a_legacy_client_is_asked_with_a_request_of_its_own(over_lines):
    async with over_lines() as client:
        await start_legacy(client, ASK)
        request = await next_request(client)
        assert request["method"] == "elicitation/create"
        assert request["params"]["message"] == "Who?"
        assert request["params"]["mode"] == "form"
        await client.send({"jsonrpc": "2.0", "id": request["id"], "result": YES})
        assert (await client.answer("call"))["result"]["content"][0]["text"] == "Hello, Ann"


async def test_elicitation_at_2025_06_18_has_no_mode(over_lines):
    async with over_lines() as client:
        await start_legacy(client, ASK, {"elicitation": {}}, "2025-06-18")
        request = await next_request(client)
        assert "mode" not in request["params"]
        await client.send({"jsonrpc": "2.0", "id": request["id"], "result": {"action": "decline"}})
        assert (await client.answer("call"))["result"]["content"][0]["text"] == "The user chose to decline"


@pytest.mark.parametrize("name", ["ask", "sample", "roots"])
async def test_a_legacy_client_that_declared_nothing_is_not_asked(over_lines, name):
    async with over_lines() as client:
        await start_legacy(client, {"name": name}, {})
        assert (await client.answer("call"))["result"]["isError"] is True
        assert client.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -1, "message": "no"}},
        {"result": {"action": "maybe"}},
        {"result": {"action": "accept", "content": {"name": 7}}},
        {"result": {"action": "accept"}},
        {"result": []},
    ],
)
async def test_refusals_and_nonsense_of_a_legacy_client_fail_the_tool_and_nothing_else(over_lines, answer):
    async with over_lines() as client:
        await start_legacy(client, ASK)
        request = await next_request(client)
        await client.send({"jsonrpc": "2.0", "id": request["id"], **answer})
        assert (await client.answer("call"))["result"]["isError"] is True
        await client.fence()


@pytest.mark.parametrize("roots", [None, "file:///", {}, [1], [None], ["file:///"]])
def test_roots_that_are_no_list_of_objects_are_no_answer(roots):
    with pytest.raises(RemoteProtocolError, match="array of objects"):
        checked(Question("roots/list"), {"roots": roots})


async def test_a_cancelled_call_withdraws_its_question(over_lines):
    async with over_lines() as client:
        await start_legacy(client, ASK)
        request = await next_request(client)
        await client.notify("notifications/cancelled", {"requestId": "call"})
        await client.fence()
        assert [message["method"] for message in client.seen] == ["notifications/cancelled"]
        assert client.seen[0]["params"]["requestId"] == request["id"]


async def test_a_client_that_does_not_answer_in_time_is_no_longer_waited_for(over_lines, empty_server):
    empty_server.options = ServerOptions(ask_timeout=0.01)

    @empty_server.tool("ask")
    async def ask(context) -> str:
        return str(await context.roots())

    async with over_lines(empty_server) as client:
        await start_legacy(client, {"name": "ask"})
        result = (await client.answer("call"))["result"]
        assert result["isError"] is True
        assert [message["method"] for message in client.seen] == ["roots/list", "notifications/cancelled"]


async def test_a_client_that_leaves_is_no_longer_waited_for(over_lines):
    async with over_lines() as client:
        await start_legacy(client, ASK)
        await next_request(client)
        await client.end()
        assert (await client.answer("call"))["result"]["isError"] is True


async def test_nothing_is_asked_before_the_client_is_initialized(over_lines):
    async with over_lines() as client:
        params = {"protocolVersion": "2025-11-25", "capabilities": ABLE, "clientInfo": {"name": "t", "version": "1"}}
        await client.ask("initialize", params)
        assert (await client.ask("tools/call", ASK))["result"]["isError"] is True


async def test_a_modern_client_is_asked_in_the_result_and_answers_by_asking_again(over_lines):
    async with over_lines() as client:
        first = (await client.modern("tools/call", ASK, ABLE))["result"]
        assert first["resultType"] == "input_required"
        assert "content" not in first
        assert first["inputRequests"]["elicit"]["method"] == "elicitation/create"
        assert set(first["inputRequests"]["elicit"]) == {"method", "params"}
        again = ASK | {"inputResponses": {"elicit": YES, "extra": {}}, "requestState": first["requestState"]}
        second = (await client.modern("tools/call", again, ABLE))["result"]
        assert second["resultType"] == "complete"
        assert second["content"][0]["text"] == "Hello, Ann"


async def test_earlier_answers_are_remembered_by_the_state(over_lines):
    call = {"name": "test_input_required_result_multi_round"}
    async with over_lines() as client:
        first = (await client.modern("tools/call", call, ABLE))["result"]
        answers = {"inputResponses": {"step1": YES}, "requestState": first["requestState"]}
        second = (await client.modern("tools/call", call | answers, ABLE))["result"]
        assert list(second["inputRequests"]) == ["step2"]
        color = {"action": "accept", "content": {"color": "red"}}
        answers = {"inputResponses": {"step2": color}, "requestState": second["requestState"]}
        third = (await client.modern("tools/call", call | answers, ABLE))["result"]
        assert third["content"][0]["text"] == "Ann likes red"


async def test_missing_answers_are_asked_for_again(over_lines):
    async with over_lines() as client:
        first = (await client.modern("tools/call", ASK, ABLE))["result"]
        again = ASK | {"inputResponses": {"other": YES}, "requestState": first["requestState"]}
        assert (await client.modern("tools/call", again, ABLE))["result"]["resultType"] == "input_required"


@pytest.mark.parametrize(
    "responses",
    [[], "x", {"elicit": 7}, {"elicit": {"action": "maybe"}}, {"elicit": {"action": "accept", "content": {}}}],
)
async def test_malformed_answers_are_errors(over_lines, responses):
    async with over_lines() as client:
        first = (await client.modern("tools/call", ASK, ABLE))["result"]
        again = ASK | {"inputResponses": responses, "requestState": first["requestState"]}
        assert (await client.modern("tools/call", again, ABLE))["error"]["code"] == -32602


def flipped(state):
    """Return the state with one bit of its content turned."""
    raw = bytearray(base64.urlsafe_b64decode(state))
    raw[40] ^= 1
    return base64.urlsafe_b64encode(raw).decode()


async def test_states_of_others_and_tampered_ones_are_refused(over_lines):
    async with over_lines() as client:
        state = (await client.modern("tools/call", ASK, ABLE))["result"]["requestState"]
        other = ASK | {"arguments": {"question": "Where?"}, "requestState": state}
        assert (await client.modern("tools/call", other, ABLE))["error"]["code"] == -32602
        for broken in (state[:-1], state[:-2] + "*=", "*" + state[1:], flipped(state), "", "x", 7, None):
            again = ASK | {"requestState": broken}
            assert (await client.modern("tools/call", again, ABLE))["error"]["code"] == -32602


@pytest.mark.parametrize("name", ["ask", "sample", "roots", "test_missing_capability"])
async def test_a_modern_client_without_the_capability_hears_which_one(over_lines, name):
    needed = {"ask": {"elicitation": {"form": {}}}, "roots": {"roots": {}}}.get(name, {"sampling": {}})
    async with over_lines() as client:
        error = (await client.modern("tools/call", {"name": name}))["error"]
        assert error["code"] == -32021
        assert error["data"] == {"requiredCapabilities": needed}


async def test_an_empty_elicitation_capability_means_forms(over_lines):
    async with over_lines() as client:
        assert "result" in await client.modern("tools/call", ASK, {"elicitation": {}})
        assert (await client.modern("tools/call", ASK, {"elicitation": {"url": {}}}))["error"]["code"] == -32021


@pytest.fixture
def asking(empty_server):
    @empty_server.tool("visit")
    async def visit(context) -> str:
        return (await context.elicit_url("Please log in", "https://example.com/login"))["action"]

    @empty_server.tool("agent")
    async def agent(context) -> str:
        message = {"role": "user", "content": {"type": "text", "text": "hi"}}
        return (await context.sample([message], 10, tools=[]))["model"]

    return empty_server


async def test_a_page_to_visit_has_an_id_only_where_the_revision_wants_one(over_lines, asking):
    able = {"elicitation": {"url": {}}}
    async with over_lines(asking) as client:
        await start_legacy(client, {"name": "visit"}, able)
        request = await next_request(client)
        assert set(request["params"]) == {"mode", "message", "url", "elicitationId"}
        await client.send({"jsonrpc": "2.0", "id": request["id"], "result": {"action": "accept"}})
        assert (await client.answer("call"))["result"]["content"][0]["text"] == "accept"
        result = (await client.modern("tools/call", {"name": "visit"}, able))["result"]
        assert set(result["inputRequests"]["elicit_url"]["params"]) == {"mode", "message", "url"}


@pytest.mark.parametrize(
    ("name", "capabilities"),
    [("visit", {"elicitation": {}}), ("visit", {"elicitation": {"form": {}}}), ("agent", {"sampling": {}})],
)
async def test_modes_and_tools_that_the_client_did_not_declare_are_not_used(over_lines, asking, name, capabilities):
    async with over_lines(asking) as client:
        assert (await client.modern("tools/call", {"name": name}, capabilities))["error"]["code"] == -32021
        await start_legacy(client, {"name": name}, capabilities)
        assert (await client.answer("call"))["result"]["isError"] is True


async def test_prompts_and_resources_may_ask_too(over_lines, empty_server):
    @empty_server.resource("test://asking")
    async def asking(context) -> str:
        answers = await context.ask({"r": Question("roots/list")})
        return answers["r"]["roots"][0]["uri"]

    async with over_lines(empty_server) as client:
        read = {"uri": "test://asking"}
        first = (await client.modern("resources/read", read, ABLE))["result"]
        assert "ttlMs" not in first
        roots = {"r": {"roots": [{"uri": "file:///a"}]}}
        second = await client.modern("resources/read", read | {"inputResponses": roots}, ABLE)
        assert second["result"]["contents"][0]["text"] == "file:///a"
        assert (second["result"]["ttlMs"], second["result"]["cacheScope"]) == (0, "private")


async def test_a_handler_may_come_back_without_a_question(over_lines, empty_server):
    @empty_server.tool("twice")
    async def twice(context) -> str:
        if context.notes is None:
            raise context.again({"count": 1})
        return f"count {context.notes['count']}"

    async with over_lines(empty_server) as client:
        first = (await client.modern("tools/call", {"name": "twice"}))["result"]
        assert "inputRequests" not in first
        again = {"name": "twice", "requestState": first["requestState"]}
        assert (await client.modern("tools/call", again))["result"]["content"][0]["text"] == "count 1"
        await client.initialize()
        assert (await client.ask("tools/call", {"name": "twice"}))["result"]["isError"] is True


async def test_questions_of_concurrent_calls_do_not_mix(over_lines):
    async with over_lines() as client:
        await client.initialize("2025-11-25", ABLE)
        for number in range(5):
            call = {"name": "ask", "arguments": {"question": str(number)}}
            await client.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call})
        requests = [await next_request(client) for _ in range(5)]
        for request in reversed(requests):
            content = {"name": request["params"]["message"]}
            await client.send(
                {"jsonrpc": "2.0", "id": request["id"], "result": {"action": "accept", "content": content}}
            )
        answers = await asyncio.gather(*[client.receive() for _ in range(5)])
        for answer in answers:
            assert answer["result"]["content"][0]["text"] == f"Hello, {answer['id']}"


def test_a_state_ends_with_its_time_and_belongs_to_its_principal():
    now = [1000.0]
    seal = StateSeal(b"k" * 32, lifetime=60, clock=lambda: now[0])
    params = {"name": "x", "arguments": {"b": 1.0, "a": [2]}}
    state = seal.seal({"n": 1}, "tools/call", params, "ann")
    shuffled = {"arguments": {"a": [2], "b": 1}, "name": "x", "_meta": {}, "inputResponses": {}}
    assert seal.open(state, "tools/call", shuffled, "ann") == {"n": 1}
    for method, principal in (("prompts/get", "ann"), ("tools/call", "bob"), ("tools/call", None)):
        with pytest.raises(Exception, match="another request"):
            seal.open(state, method, params, principal)
    now[0] = 1061
    with pytest.raises(Exception, match="expired"):
        seal.open(state, "tools/call", params, "ann")


def test_processes_that_share_a_key_share_states():
    params = {"name": "x"}
    state = StateSeal(b"k" * 32).seal(1, "tools/call", params, None)
    assert StateSeal(b"k" * 32).open(state, "tools/call", params, None) == 1
    with pytest.raises(Exception, match="not one of ours"):
        StateSeal(b"j" * 32).open(state, "tools/call", params, None)
