"""What a server asks of the client: by requests of its own to 2025-11-25, inside results at 2026-07-28."""

import anyio
import pytest

from reference_impl.client import Handlers, InputRefused, InvalidAnswer, RequestFailed
from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import R2024_11_05, R2025_06_18, R2025_11_25, R2026_07_28

pytestmark = pytest.mark.anyio


async def elicit(params):
    return {"action": "accept", "content": {"answer": params["message"].upper()}}


async def sample(params):
    return {"role": "assistant", "model": "m", "content": {"type": "text", "text": "hello"}}


async def list_roots(_):
    return {"roots": [{"uri": "file:///project"}]}


EVERYTHING = Handlers(sampling=sample, elicitation=elicit, roots=list_roots)


# To 2025-11-25 ----------------------------------------------------------------------------------


async def ask(peer, method, params=None):
    """Ask the client, in the middle of nothing, and return its answer."""
    await peer.send({"id": "q1", "method": method} | ({} if params is None else {"params": params}))
    answer = await peer.receive()
    assert answer["id"] == "q1"
    return answer


async def test_questions_are_answered_by_their_handlers(talk):
    async def server(peer):
        offer = await peer.open_legacy()
        assert offer["params"]["capabilities"] == {
            "roots": {"listChanged": True},
            "sampling": {},
            "elicitation": {"form": {}},
        }
        ping = await peer.expect("ping")
        assert (await ask(peer, "ping"))["result"] == {}
        assert (await ask(peer, "roots/list"))["result"] == {"roots": [{"uri": "file:///project"}]}
        assert (await ask(peer, "sampling/createMessage", {"messages": []}))["result"]["model"] == "m"
        answer = await ask(peer, "elicitation/create", {"message": "why"})
        assert answer["result"]["content"] == {"answer": "WHY"}
        await peer.answer(ping, {})

    async with talk(server, handlers=EVERYTHING) as client:
        await client.ping()


async def test_what_was_not_declared_is_not_found(talk):
    async def server(peer):
        assert (await peer.open_legacy())["params"]["capabilities"] == {}
        ping = await peer.expect("ping")
        for method in ("roots/list", "sampling/createMessage", "elicitation/create", "tasks/list", "made/up"):
            assert (await ask(peer, method))["error"]["code"] == -32601
        await peer.answer(ping, {})

    async with talk(server) as client:
        await client.ping()


async def test_a_mode_or_a_feature_beyond_the_declaration_is_an_invalid_parameter(talk):
    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        assert (await ask(peer, "elicitation/create", {"mode": "url", "message": "x"}))["error"]["code"] == -32602
        assert (await ask(peer, "sampling/createMessage", {"tools": []}))["error"]["code"] == -32602
        await peer.answer(ping, {})

    async with talk(server, handlers=EVERYTHING) as client:
        await client.ping()


async def test_a_refusal_keeps_its_code_and_a_fault_tells_nothing(talk, caplog):
    async def refuse(_):
        raise RemoteProtocolError(-1, "User rejected sampling request")

    async def crash(_):
        raise KeyError("secret")

    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        assert (await ask(peer, "sampling/createMessage", {"messages": []}))["error"]["code"] == -1
        assert (await ask(peer, "roots/list"))["error"] == {"code": -32603, "message": "Internal error"}
        await peer.answer(ping, {})

    async with talk(server, handlers=Handlers(sampling=refuse, roots=crash)) as client:
        await client.ping()
    assert "roots/list" in caplog.text


async def test_a_question_that_is_taken_back_gets_no_answer(talk):
    asked = anyio.Event()

    async def ponder(_):
        asked.set()
        await anyio.sleep_forever()

    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        await peer.send({"id": "q1", "method": "sampling/createMessage", "params": {"messages": []}})
        await asked.wait()
        await peer.send({"method": "notifications/cancelled", "params": {"requestId": "unknown"}})
        await peer.send({"method": "notifications/cancelled", "params": {"requestId": "q1"}})
        assert (await ask(peer, "ping"))["result"] == {}
        await peer.answer(ping, {})

    async with talk(server, handlers=Handlers(sampling=ponder)) as client:
        await client.ping()


async def test_a_question_in_the_middle_of_a_call_does_not_hold_up_the_call(talk):
    async def server(peer):
        await peer.open_legacy()
        call = await peer.expect("tools/call")
        assert (await ask(peer, "roots/list"))["result"]["roots"]
        await peer.answer(call, {"content": []})

    async with talk(server, handlers=EVERYTHING) as client:
        await client.call_tool("x")


async def test_a_server_that_asks_without_end_is_not_heard_without_end(talk, caplog):
    started = 0

    async def ponder(_):
        nonlocal started
        started += 1
        await anyio.sleep_forever()

    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        for number in range(300):
            await peer.send({"id": number, "method": "roots/list"})
        await peer.answer(ping, {})

    async with talk(server, handlers=Handlers(roots=ponder)) as client:
        await client.ping()
        assert started == 256
    assert "256 are under way" in caplog.text


async def test_a_change_of_roots_is_told_to_a_legacy_server(talk):
    async def server(peer):
        await peer.open_legacy()
        await peer.expect("notifications/roots/list_changed")

    async with talk(server, handlers=EVERYTHING) as client:
        await client.roots_changed()


FORM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "loud": {"type": "boolean", "default": True}},
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (
            {"action": "accept", "content": {"name": "Ada"}},
            {"action": "accept", "content": {"name": "Ada", "loud": True}},
        ),
        ({"action": "decline", "content": {"name": "Ada"}}, {"action": "decline"}),
        ({"action": "accept", "content": {}}, "name is required"),
        ({"action": "accept", "content": []}, "no object"),
        ({"action": "yes"}, "none of accept"),
    ],
    ids=["defaults", "declined", "incomplete", "no object", "no action"],
)
async def test_only_an_answer_that_fits_the_form_is_sent(talk, said, sent):
    async def answer(_):
        return said

    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        got = await ask(peer, "elicitation/create", {"message": "who", "requestedSchema": FORM})
        if isinstance(sent, dict):
            assert got["result"] == sent
        else:
            assert got["error"]["code"] == -32603
            assert sent in got["error"]["message"]
        await peer.answer(ping, {})

    async with talk(server, handlers=Handlers(elicitation=answer)) as client:
        await client.ping()


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("sampling/createMessage", {"messages": [{"role": "system", "content": []}]}, -32602),
        ("sampling/createMessage", {"messages": []}, -32603),
        ("roots/list", {}, -32603),
        ("elicitation/create", {"mode": "url", "message": "go"}, -32602),
    ],
    ids=["a bad question", "a sample without a model", "a root that is no file", "a URL that is not there"],
)
async def test_neither_bad_questions_nor_bad_answers_get_through(talk, method, params, code):
    async def bad(_):
        return {"role": "assistant", "content": {}, "roots": [{"uri": "https://a/"}]}

    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        assert (await ask(peer, method, params))["error"]["code"] == code
        await peer.answer(ping, {})

    handlers = Handlers(sampling=bad, roots=bad, elicitation=bad, elicitation_modes=("form", "url"))
    async with talk(server, handlers=handlers) as client:
        await client.ping()


# In a browser -----------------------------------------------------------------------------------

LINK = {"mode": "url", "elicitationId": "e1", "url": "https://a.example/", "message": "sign in"}
BROWSING = ("form", "url")


def agreeing(action="accept"):
    async def answer(_):
        return {"action": action}

    return Handlers(elicitation=answer, elicitation_modes=BROWSING)


async def test_what_the_browser_was_needed_for_is_asked_again_once_it_is_done(talk):
    async def server(peer):
        await peer.open_legacy()
        call = await peer.expect("tools/call")
        await peer.refuse(call, -32042, data={"elicitations": [LINK]})
        for identifier in ("unknown", "e1", "e1"):
            params = {"elicitationId": identifier}
            await peer.send({"method": "notifications/elicitation/complete", "params": params})
        again = await peer.expect("tools/call")
        assert again["id"] != call["id"]
        assert again["params"] == call["params"]
        await peer.answer(again, {"content": ["done"]})

    heard = []
    async with talk(server, handlers=agreeing(), on_notification=heard.append) as client:
        assert (await client.call_tool("x"))["content"] == ["done"]
    assert [each.params for each in heard] == [{"elicitationId": "e1"}]


@pytest.mark.parametrize(
    ("handlers", "data", "failure"),
    [
        (agreeing("decline"), {"elicitations": [LINK]}, InputRefused),
        (agreeing(), {"elicitations": [LINK]}, InputRefused),
        (agreeing(), {"elicitations": [LINK | {"mode": "form"}]}, RequestFailed),
        (agreeing(), {}, RequestFailed),
        (Handlers(), {"elicitations": [LINK]}, RequestFailed),
    ],
    ids=["the user declines", "the server never tells", "no URL", "no elicitation", "no handler"],
)
async def test_a_request_that_waits_for_a_browser_in_vain_fails(talk, handlers, data, failure):
    async def server(peer):
        await peer.open_legacy()
        await peer.refuse(await peer.expect("tools/call"), -32042, data=data)

    async with talk(server, handlers=handlers, timeout=0.05, maximum=0.05) as client:
        with pytest.raises(failure):
            await client.call_tool("x")


async def test_a_server_that_wants_the_browser_again_and_again_is_given_up(talk):
    async def server(peer):
        await peer.open_legacy()
        for turn in range(3):
            call = await peer.expect("tools/call")
            link = LINK | {"elicitationId": str(turn)}
            await peer.refuse(call, -32042, data={"elicitations": [link]})
            await peer.send({"method": "notifications/elicitation/complete", "params": {"elicitationId": str(turn)}})

    async with talk(server, handlers=agreeing(), input_rounds=2) as client:
        with pytest.raises(InvalidAnswer, match="2 rounds"):
            await client.call_tool("x")


# At 2026-07-28 ----------------------------------------------------------------------------------


def wanting(**requests):
    return {"resultType": "input_required", "inputRequests": requests}


ASK_FORM = {"method": "elicitation/create", "params": {"message": "who", "requestedSchema": {"type": "object"}}}


async def test_input_is_gathered_and_the_request_made_again_under_a_new_id(talk):
    state = "opaque \u2028 == state"

    async def server(peer):
        await peer.open_modern()
        first = await peer.expect("tools/call")
        assert first["params"]["_meta"][CLIENT_CAPABILITIES] == {
            "roots": {},
            "sampling": {},
            "elicitation": {"form": {}},
            "extensions": {TASKS: {}},
        }
        await peer.answer(first, {**wanting(name=ASK_FORM, dirs={"method": "roots/list"}), "requestState": state})
        second = await peer.expect("tools/call")
        assert second["id"] != first["id"]
        assert second["params"]["arguments"] == {"a": 1}
        assert second["params"]["requestState"] == state
        assert second["params"]["inputResponses"] == {
            "name": {"action": "accept", "content": {"answer": "WHO"}},
            "dirs": {"roots": [{"uri": "file:///project"}]},
        }
        await peer.answer(second, wanting(again=ASK_FORM))
        third = await peer.expect("tools/call")
        assert "requestState" not in third["params"]
        assert list(third["params"]["inputResponses"]) == ["again"]
        await peer.complete(third, content=["done"])

    async with talk(server, handlers=EVERYTHING) as client:
        assert (await client.call_tool("x", {"a": 1}))["content"] == ["done"]


async def test_state_alone_is_echoed_at_once(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.answer(await peer.expect("prompts/get"), {"resultType": "input_required", "requestState": "s"})
        again = await peer.expect("prompts/get")
        assert again["params"]["requestState"] == "s"
        assert "inputResponses" not in again["params"]
        await peer.complete(again, messages=[])

    async with talk(server) as client:
        await client.get_prompt("p")


async def test_a_server_that_never_has_enough_is_given_up(talk):
    async def server(peer):
        await peer.open_modern()
        for _ in range(3):
            await peer.answer(await peer.expect("tools/call"), wanting(name=ASK_FORM))

    async with talk(server, handlers=EVERYTHING, input_rounds=2) as client:
        with pytest.raises(InvalidAnswer, match="after 2 rounds"):
            await client.call_tool("x")


@pytest.mark.parametrize(
    "result",
    [
        {"resultType": "input_required"},
        {"resultType": "input_required", "inputRequests": []},
        wanting(x={"method": "tools/call"}),
        wanting(x="elicitation/create"),
    ],
    ids=["nothing wanted", "a list", "not a question", "a string"],
)
async def test_a_question_in_no_known_shape_is_an_invalid_answer(talk, result):
    async def server(peer):
        await peer.open_modern()
        await peer.answer(await peer.expect("tools/call"), result)

    async with talk(server, handlers=EVERYTHING) as client:
        with pytest.raises(InvalidAnswer):
            await client.call_tool("x")


async def test_only_three_requests_may_be_answered_with_a_question(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.answer(await peer.expect("tools/list"), wanting(name=ASK_FORM))

    async with talk(server, handlers=EVERYTHING) as client:
        with pytest.raises(InvalidAnswer, match="tools/list"):
            await client.list_tools()


async def test_input_that_cannot_be_given_ends_the_request(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.answer(await peer.expect("tools/call"), wanting(name=ASK_FORM))

    async with talk(server) as client:
        with pytest.raises(InputRefused, match="elicitation/create"):
            await client.call_tool("x")


async def test_a_modern_server_that_sends_a_request_gets_no_answer(talk, caplog):
    async def server(peer):
        await peer.open_modern()
        call = await peer.expect("tools/call")
        await peer.send({"id": "q1", "method": "ping"})
        await peer.complete(call, content=[])
        await peer.complete(await peer.expect("tools/call"), content=[])

    async with talk(server, handlers=EVERYTHING) as client:
        await client.call_tool("x")
        await client.call_tool("y")
    assert "ignored the request ping" in caplog.text


@pytest.mark.parametrize(
    ("revision", "declared"),
    [
        (R2024_11_05, {"roots": {"listChanged": True}, "sampling": {}}),
        (R2025_06_18, {"roots": {"listChanged": True}, "sampling": {}}),
        (R2025_11_25, {"roots": {"listChanged": True}, "sampling": {"tools": {}}, "elicitation": {"url": {}}}),
        (
            R2026_07_28,
            {"roots": {}, "sampling": {"tools": {}}, "elicitation": {"url": {}}, "extensions": {TASKS: {}}},
        ),
    ],
    ids=str,
)
def test_capabilities_take_the_shape_of_the_revision(revision, declared):
    handlers = Handlers(sample, elicit, list_roots, elicitation_modes=("url",), sampling_features=("tools",))
    assert handlers.capabilities(revision) == declared


def test_a_revision_that_knows_forms_alone_hears_of_no_other_elicitation():
    assert Handlers(elicitation=elicit).capabilities(R2025_06_18) == {"elicitation": {}}
    assert Handlers(elicitation=elicit, elicitation_modes=("form", "url")).capabilities(R2025_06_18) == {
        "elicitation": {}
    }


async def test_an_answer_that_is_no_json_is_the_handlers_fault_and_ends_nothing(talk, caplog):
    async def odd(_):
        return {"role": "assistant", "model": "m", "content": object()}

    async def server(peer):
        await peer.open_legacy()
        ping = await peer.expect("ping")
        assert (await ask(peer, "sampling/createMessage", {"messages": []}))["error"]["code"] == -32603
        await peer.answer(ping, {})

    async with talk(server, handlers=Handlers(sampling=odd)) as client:
        await client.ping()
    assert "the handler of sampling/createMessage failed" in caplog.text
