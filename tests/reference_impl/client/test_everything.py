"""The reference client against the reference everything server: both eras, over every transport they share."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from reference_impl.client import (
    CallOptions,
    ClientConnection,
    ClientSettings,
    Filter,
    Handlers,
    RequestFailed,
    RequestTimeout,
    StdioCommand,
    connect,
)
from reference_impl.protocol.revisions import LATEST_LEGACY, R2025_03_26, R2025_06_18, REVISIONS, Era
from reference_impl.server.in_memory import serving_in_memory
from reference_impl.servers.everything import make_server
from reference_impl.transports.memory import MemoryChannel

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "reference_impl.servers.everything")
WATCHED = "test://watched-resource"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of an everything server on HTTP."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = [*COMMAND, "--transport", "http", "--port", "0"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().strip()
        finally:
            process.terminate()


@asynccontextmanager
async def in_memory() -> AsyncIterator[MemoryChannel]:
    async with serving_in_memory(make_server()) as reach:
        yield reach()


async def elicit(params):
    return {"action": "accept", "content": {"name": "Ada"}}


async def sample(params):
    return {"role": "assistant", "model": "m", "content": {"type": "text", "text": "hello"}, "stopReason": "endTurn"}


async def list_roots(_):
    return {"roots": [{"uri": "file:///project"}]}


HANDLERS = Handlers(sampling=sample, elicitation=elicit, roots=list_roots)
ERAS = {Era.MODERN: REVISIONS, Era.LEGACY: REVISIONS[:-1]}


@pytest.fixture(params=["memory", "stdio", "http"])
def transport(request) -> str:
    return request.param


@pytest.fixture(params=[Era.MODERN, Era.LEGACY], ids=lambda era: era.value)
def era(request) -> Era:
    return request.param


@pytest.fixture
def everything(transport, era, endpoint):
    """Return a context manager: a client of an everything server."""

    @asynccontextmanager
    async def everything(**more) -> AsyncIterator[ClientConnection]:
        settings = ClientSettings(revisions=ERAS[era], handlers=HANDLERS, **more)
        with anyio.fail_after(20):
            if transport == "memory":
                async with in_memory() as channel, connect(channel, settings) as client:
                    yield client
                return
            command = StdioCommand(COMMAND, env={"PYTHONPATH": str(ROOT)})
            async with connect(command if transport == "stdio" else endpoint, settings) as client:
                yield client

    return everything


def said(result) -> str:
    return result["content"][0]["text"]


async def test_every_feature_of_both_eras(everything, era):
    heard = []
    async with everything(on_notification=heard.append) as client:
        assert client.era is era
        assert client.agreement.server_info["name"] == "everything"
        await client.ping()
        await lists(client)
        await calls(client)
        await questions(client)
        await running(client, heard)
        await changes(client)


async def lists(client: ClientConnection) -> None:
    names = [tool["name"] for tool in await client.list_tools()]
    assert {"echo", "add", "slow", "ask"} <= set(names)
    assert len(await client.list_prompts()) > 5  # more than a page
    resources = await client.list_resources()
    assert len(resources) == len({resource["uri"] for resource in resources})
    assert await client.list_resource_templates()
    assert (await client.read_resource(WATCHED))["contents"]
    with pytest.raises(RequestFailed) as caught:
        await client.read_resource("test://nowhere")
    assert caught.value.code == client.revision.resource_not_found


async def calls(client: ClientConnection) -> None:
    assert said(await client.call_tool("echo", {"text": "h\u00e9llo\u2028"})) == "h\u00e9llo\u2028"
    assert (await client.call_tool("add", {"a": 1, "b": 2}))["structuredContent"] is not None
    assert (await client.call_tool("fail"))["isError"] is True
    assert said(await client.call_tool("route", {"region": " \u00e4 "})) == "Routed to  \u00e4 "
    assert len(said(await client.call_tool("blob", {"size": 3_000_000}))) == 3_000_000
    prompt = (await client.list_prompts())[0]
    arguments = {argument["name"]: "x" for argument in prompt.get("arguments", [])}
    assert (await client.get_prompt(prompt["name"], arguments))["messages"]


async def questions(client: ClientConnection) -> None:
    assert said(await client.call_tool("ask")) == "Hello, Ada"
    assert said(await client.call_tool("sample")) == "The model said: hello"
    assert said(await client.call_tool("roots")) == "file:///project"


async def running(client: ClientConnection, heard: list) -> None:
    steps = []
    options = CallOptions(on_progress=lambda progress: steps.append(progress.progress))
    await client.call_tool("slow", {"seconds": 0.03, "steps": 3}, options)
    assert steps == [1, 2, 3]
    with pytest.raises(RequestTimeout):
        await client.call_tool("slow", {"seconds": 30}, CallOptions(timeout=0.05))
    await client.set_logging_level("warning")
    heard.clear()
    for level in ("info", "error"):
        await client.call_tool("log", {"level": level, "count": 2})
    await client.ping()
    levels = [each.params["level"] for each in heard if each.method == "notifications/message"]
    assert levels == ["error", "error"]


async def changes(client: ClientConnection) -> None:
    async with client.listen(Filter(tools=True, uris=(WATCHED,))) as news:
        assert "extra" not in [tool["name"] for tool in await client.list_tools()]
        await client.call_tool("toggle_extra_tool")
        assert (await anext(news)).method == "notifications/tools/list_changed"
        assert "extra" in [tool["name"] for tool in await client.list_tools()]
        await client.call_tool("touch_resource", {"uri": WATCHED})
        assert (await anext(news)).params["uri"] == WATCHED
        await client.call_tool("toggle_extra_tool")


@pytest.mark.parametrize("revision", [R2025_03_26, R2025_06_18, LATEST_LEGACY], ids=str)
async def test_each_legacy_revision_with_sessions_over_http(endpoint, revision):
    settings = ClientSettings(revisions=(revision,), handlers=HANDLERS)
    with anyio.fail_after(10):
        async with connect(endpoint, settings) as client:
            assert client.revision is revision
            assert said(await client.call_tool("echo", {"text": "x"})) == "x"


async def test_many_calls_at_once_find_their_answers(everything):
    async with everything() as client:
        answers = {}

        async def call(number: int) -> None:
            answers[number] = said(await client.call_tool("echo", {"text": str(number)}))

        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(call, number)
        assert answers == {number: str(number) for number in range(100)}
