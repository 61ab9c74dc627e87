"""A model as planner, against a scripted endpoint of each dialect."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest

from reference_impl.client import RetryPolicy, ServerConfig
from reference_impl.host import (
    FixedPlanner,
    Host,
    HostConfiguration,
    HostOptions,
    Model,
    ModelError,
    ModelPlanner,
    ModelSettings,
    Plan,
    Questions,
    Step,
)
from reference_impl.host.dialects import Prompt
from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.security.permissions import PermissionManager
from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.everything import make_server
from tests.reference_impl.client.manager_servers import QUICK, house

pytestmark = pytest.mark.anyio

KEY = "sk-very-secret-key"
NOW = RetryPolicy(base=0.0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Endpoint:
    """Answers each request with the next of its answers, and keeps what was asked."""

    answers: list
    url: str = ""
    bodies: list[dict] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length")
        )
        self.heads.append(head)
        self.bodies.append(json.loads(await reader.readexactly(length)))
        answer = self.answers.pop(0)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        if body is not None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n" % (status, len(data)) + data)
            await writer.drain()
        else:
            await reader.read()
        writer.close()


@asynccontextmanager
async def endpoint(*answers) -> AsyncIterator[Endpoint]:
    made = Endpoint(list(answers))
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        with anyio.fail_after(20):
            yield made


def chat(text: str | None, *calls: tuple[str, str, str]) -> dict:
    wanted = [{"id": i, "type": "function", "function": {"name": name, "arguments": said}} for i, name, said in calls]
    message = {"role": "assistant", "content": text} | ({"tool_calls": wanted} if wanted else {})
    return {"model": "m-1", "choices": [{"message": message, "finish_reason": "tool_calls" if wanted else "stop"}]}


def blocks(text: str | None, *calls: tuple[str, str, str]) -> dict:
    content = [{"type": "text", "text": text}] if text else []
    content += [{"type": "tool_use", "id": i, "name": name, "input": json.loads(said)} for i, name, said in calls]
    return {"model": "m-1", "content": content, "stop_reason": "tool_use" if calls else "end_turn"}


DIALECTS: dict[str, Callable[..., dict]] = {"openai": chat, "anthropic": blocks}


@asynccontextmanager
async def hosting(url: str, api: str = "openai", rounds: int = 8, allow: bool = True) -> AsyncIterator[Host]:
    planner = ModelPlanner(Model(ModelSettings("m", api, url, KEY, policy=NOW)), rounds)
    async with house(make_server()) as served:
        configuration = HostConfiguration((ServerConfig("one", served.door, QUICK),))
        async with Host(configuration, planner, PermissionManager(ask=lambda _: allow)) as host:
            await host.initialize_system()
            yield host


@pytest.mark.parametrize("api", DIALECTS)
async def test_a_model_calls_tools_hears_what_came_of_them_and_answers(api):
    say = DIALECTS[api]
    first = say("Let me see.", ("c1", "add", '{"a": 2, "b": 3}'), ("c2", "fail", '{"message": "broken"}'))
    async with endpoint(first, say("It is 5.")) as model, hosting(model.url, api) as host:
        execution = await host.execute_ai_request("what is 2 + 3?")
    assert execution.answer == "It is 5."
    assert [(outcome.step.tool, outcome.status) for outcome in execution.outcomes] == [
        ("add", "succeeded"),
        ("fail", "failed"),
    ]
    told = json.dumps(model.bodies[1]["messages"][2:])
    assert "c1" in told
    assert '{\\"sum\\":5}' in told
    assert "broken" in told
    assert model.bodies[0]["model"] == "m"
    assert "add" in json.dumps(model.bodies[0]["tools"])


@pytest.mark.parametrize("api", DIALECTS)
async def test_the_key_goes_into_its_header_and_is_shown_nowhere(api):
    async with endpoint((401, f"the key {KEY} is wrong")) as model, hosting(model.url, api) as host:
        with pytest.raises(ModelError, match=r"HTTP 401: the key \[redacted\] is wrong") as caught:
            await host.execute_ai_request("hello")
        assert KEY in model.heads[0]
        assert KEY not in str(caught.value) + repr(host.planner.model.settings)
        assert model.heads[0].startswith("POST /chat/completions" if api == "openai" else "POST /v1/messages")


@pytest.mark.parametrize("api", DIALECTS)
async def test_a_call_that_cannot_be_made_is_told_to_the_model_and_not_made(api):
    say = DIALECTS[api]
    wrong = say(None, ("c1", "no_such_tool", "{}"), ("c2", "add", '{"a": "x", "b": 1}'))
    async with endpoint(wrong, say("I give up.")) as model, hosting(model.url, api) as host:
        execution = await host.execute_ai_request("hello")
    assert execution.outcomes == ()
    assert execution.answer == "I give up."
    told = json.dumps(model.bodies[1]["messages"][2:])
    assert "there is no tool 'no_such_tool'" in told
    assert "is not of type" in told


async def test_arguments_that_are_no_json_are_told_to_the_model():
    async with endpoint(chat(None, ("c1", "add", "{")), chat("Sorry.")) as model, hosting(model.url) as host:
        assert (await host.execute_ai_request("hello")).answer == "Sorry."
    assert "the arguments are no JSON" in json.dumps(model.bodies[1])


async def test_rounds_are_bounded_and_the_model_is_made_to_answer():
    again = chat(None, ("c", "echo", '{"text": "x"}'))
    async with endpoint(again, again, chat("Enough.")) as model, hosting(model.url, rounds=2) as host:
        execution = await host.execute_ai_request("go on for ever")
    assert (len(execution.outcomes), execution.answer) == (2, "Enough.")
    assert model.bodies[2]["tool_choice"] == "none"


async def test_a_model_that_wants_only_what_cannot_be_done_is_given_up():
    wrong = chat(None, ("c", "nothing", "{}"))
    async with endpoint(*[wrong] * 3) as model, hosting(model.url, rounds=3) as host:
        with pytest.raises(ModelError, match="nothing but what cannot be done, 3 times"):
            await host.execute_ai_request("hello")


async def test_what_is_denied_is_told_to_the_model():
    first = chat(None, ("c1", "touch_resource", "{}"))
    async with endpoint(first, chat("You said no.")) as model, hosting(model.url, allow=False) as host:
        execution = await host.execute_ai_request("touch it")
    assert execution.outcomes[0].status == "denied"
    assert "was not allowed" in json.dumps(model.bodies[1])


async def test_a_model_answers_from_what_others_found_out():
    async with endpoint(chat("Three.")) as model, hosting(model.url) as host:
        plan = FixedPlanner(Plan((Step("a", "one", "add", {"a": 1, "b": 2}),)))
        execution = await host.execute_ai_request("what is 1 + 2?", plan)
        assert await host.synthesize_response(execution.outcomes, "what is 1 + 2?") == "Three."
    assert '{\\"sum\\":3}' in json.dumps(model.bodies[0]["messages"])


async def test_trouble_that_passes_is_waited_for():
    async with endpoint((503, "busy"), (429, "slow down"), chat("Here.")) as model, hosting(model.url) as host:
        assert (await host.execute_ai_request("hello")).answer == "Here."


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, "x"), "HTTP 500"),
        ("rubbish", "no JSON object"),
        ({"choices": []}, "no message in choices"),
        ({"choices": [{"message": {"tool_calls": [{}]}}]}, "without id, name or arguments"),
    ],
)
async def test_an_endpoint_that_answers_with_rubbish_is_told_of(answer, said):
    async with endpoint(*[answer] * 3) as model, hosting(model.url) as host:
        with pytest.raises(ModelError, match=said):
            await host.execute_ai_request("hello")


async def test_a_model_that_says_nothing_is_given_up_in_time():
    async with endpoint((200, None)) as model:
        with pytest.raises(ModelError, match=r"gave no answer within 0\.05 s"):
            await Model(ModelSettings("m", "openai", model.url, timeout=0.05)).ask(Prompt([]))


async def test_an_endpoint_that_is_not_there_is_told_of():
    with pytest.raises(ModelError, match="nothing listens there"):
        await Model(ModelSettings("m", "openai", "http://127.0.0.1:1")).ask(Prompt([]))


@pytest.mark.parametrize("api", DIALECTS)
async def test_servers_get_samples_of_the_model(api):
    async with endpoint(DIALECTS[api]("A poem.")) as scripted:
        model = Model(ModelSettings("m", api, scripted.url, KEY))
        gate = PermissionManager(ask=lambda _: True)
        async with house(make_server()) as served:
            options = HostOptions(questions=Questions(gate, model))
            configuration = HostConfiguration((ServerConfig("one", served.door, QUICK),))
            async with Host(configuration, gate=gate, options=options) as host:
                await host.initialize_system()
                result = await host.client.call_tool("sample", {"prompt": "Write a poem"})
    assert "A poem." in json.dumps(result)
    assert "Write a poem" in json.dumps(scripted.bodies[0]["messages"])


async def test_only_text_is_sampled():
    model = Model(ModelSettings("m", "openai", "http://127.0.0.1:1"))
    message = {"role": "user", "content": {"type": "image", "data": "", "mimeType": "image/png"}}
    with pytest.raises(RemoteProtocolError, match="Only text"):
        await model.sample({"messages": [message]})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "m", "api": "telepathy"}, "no dialect 'telepathy'"),
        ({"model": "m", "url": "ftp://x"}, "begins with http"),
        ({"model": "m", "url": "http://[::1"}, "begins with http"),
        ({"model": "m", "url": "http://x:99999/v1"}, "begins with http"),
        ({"model": "m", "url": "https://x/v1?api-version=1"}, "ends before any '?'"),
        ({"model": "m", "url": "http://far.example/v1", "key": KEY}, "a key is sent to https:// alone"),
        ({"model": ""}, "which model"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, said):
    with pytest.raises(ModelError, match=said):
        ModelSettings(**settings)


def test_a_key_of_one_home_is_sent_to_no_other_address():
    environment = {"OPENAI_API_KEY": KEY, "TOUCHSTONE_MODEL": "m"}
    read = ModelSettings.from_environment
    assert read(environment=environment).key == KEY
    assert read(environment=environment).base == "https://api.openai.com/v1"
    assert read(environment=environment | {"TOUCHSTONE_MODEL_URL": "https://else.example"}).key == ""
    assert read(environment=environment, api="anthropic").key == ""
    assert read(environment={}) is None


async def test_a_model_is_told_no_secret_of_this_side_and_nothing_that_nobody_sees():
    server = AdvancedMCPServer("talkative")

    @server.tool("look", "Looks\U000e0049\u202e around" + "!" * 9000, annotations={"readOnlyHint": True})
    async def look() -> str:
        return "the password is hunter2!"

    async with endpoint(chat(None, ("c1", "look", "{}")), chat("Done.")) as model, house(server) as served:
        planner = ModelPlanner(Model(ModelSettings("m", "openai", model.url, KEY, policy=NOW)))
        planner.model.secrets.keep(["hunter2!"])
        async with Host(HostConfiguration((ServerConfig("one", served.door, QUICK),)), planner) as host:
            await host.initialize_system()
            assert (await host.execute_ai_request("look around")).answer == "Done."
    assert model.bodies[1]["messages"][-1]["content"] == "the password is [redacted]"
    said = model.bodies[0]["tools"][0]["function"]["description"]
    assert said.startswith("Looks around!!!")
    assert len(said) < 4100


async def test_of_too_many_tools_those_that_fit_are_shown():
    server = AdvancedMCPServer("crowded")
    for number in range(200):
        server.tool(f"aaa{number}", "Nothing")(lambda: "")
    server.tool("weather", "Tells the weather")(lambda: "")
    async with endpoint(chat("It rains.")) as model, house(server) as served:
        planner = ModelPlanner(Model(ModelSettings("m", "openai", model.url, KEY, policy=NOW)))
        async with Host(HostConfiguration((ServerConfig("one", served.door, QUICK),)), planner) as host:
            await host.initialize_system()
            await host.execute_ai_request("what is the weather?")
    names = [tool["function"]["name"] for tool in model.bodies[0]["tools"]]
    assert (len(names), "weather" in names) == (128, True)
