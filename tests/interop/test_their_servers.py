"""Our client with servers of strangers' SDKs: everything that they can do, over every transport that they have."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import anyio
import pytest

from reference_impl.client import CallOptions, Filter, RequestFailed, StdioCommand
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision
from tests.interop.conversation import PATIENCE, Talk, talking, texts
from tests.interop.strangers import Strangers, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # the first test may have to install a stranger


UPDATED = "notifications/resources/updated"


@dataclass(frozen=True)
class Server:
    name: str
    transport: str
    revision: Revision
    lacks: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.name}-{self.transport}"

    def command(self, strangers: Strangers) -> tuple[str, ...]:
        if self.name.startswith("ts"):
            return (*strangers.node(self.name, f"server_{self.name}.mjs"), self.transport)
        return (*strangers.python(self.name, f"server_{self.name}.py"), self.transport)


NO_SUBSCRIBE = frozenset({"subscriptions"})  # SDK 1.x never declares the capability, whatever handlers it has
NO_LISTEN = NO_SUBSCRIBE | {"listen"}  # FastMCP serves neither kind of subscription
NO_TEMPLATES = frozenset({"templates"})
SERVERS = (
    Server("mcp1", "stdio", LATEST_LEGACY, NO_SUBSCRIBE),
    Server("mcp1", "http", LATEST_LEGACY, NO_SUBSCRIBE),
    Server("mcp1", "sse", LATEST_LEGACY, NO_SUBSCRIBE),
    Server("mcp1", "ws", LATEST_LEGACY, NO_SUBSCRIBE),
    Server("mcp2", "stdio", LATEST),
    Server("mcp2", "http", LATEST),
    Server("mcp2", "sse", LATEST_LEGACY),
    Server("fastmcp", "stdio", LATEST, NO_LISTEN),
    Server("fastmcp", "http", LATEST, NO_LISTEN),
    Server("fastmcp", "sse", LATEST_LEGACY, NO_SUBSCRIBE),
    Server("ts2", "stdio", LATEST, NO_TEMPLATES),
    Server("ts2", "http", LATEST, NO_TEMPLATES),
)


@pytest.fixture(scope="module", params=SERVERS, ids=str)
def server(request: pytest.FixtureRequest) -> Server:
    return request.param


@pytest.fixture(scope="module")
def target(server: Server, strangers: Strangers) -> Iterator[StdioCommand | str]:
    command = server.command(strangers)
    if server.transport == "stdio":
        yield StdioCommand(command)
        return
    with serving(command) as url:
        yield f"sse+{url}" if server.transport == "sse" else url


@pytest.fixture(scope="module")
async def talk(server: Server, target: StdioCommand | str) -> AsyncIterator[Talk]:
    async with talking(target, server.lacks) as talk:
        yield talk


@pytest.fixture
def needs(talk: Talk):
    def needs(feature: str) -> None:
        if feature in talk.lacks:
            pytest.skip(f"this server has no {feature}")

    return needs


async def test_the_newest_revision_that_both_speak_is_spoken(talk: Talk, server: Server) -> None:
    assert talk.client.revision is server.revision


async def test_the_server_names_itself(talk: Talk) -> None:
    assert talk.client.agreement.server_info["name"] == "stranger"


async def test_tools_are_listed_with_their_schemas(talk: Talk) -> None:
    tools = {tool["name"]: tool for tool in await talk.client.list_tools()}
    assert {"add", "fail", "steps", "wait", "waited"} <= tools.keys()
    assert set(tools["add"]["inputSchema"]["required"]) == {"a", "b"}


async def test_a_call_returns_structured_content_and_its_text(talk: Talk) -> None:
    result = await talk.client.call_tool("add", {"a": 1, "b": 2})
    assert result["structuredContent"] == {"sum": 3}
    assert not result.get("isError")
    assert texts(result)


async def test_a_tool_that_fails_says_so_in_its_result(talk: Talk) -> None:
    result = await talk.client.call_tool("fail", {"message": "no luck"})
    assert result["isError"] is True
    assert "no luck" in texts(result)[0]


async def test_arguments_that_break_the_schema_are_an_error_of_the_tool(talk: Talk) -> None:
    assert (await talk.client.call_tool("add", {"a": "one", "b": 2}))["isError"] is True


async def test_progress_arrives_before_the_result_and_in_order(talk: Talk) -> None:
    seen = []
    await talk.client.call_tool("steps", options=CallOptions(on_progress=seen.append))
    assert [(step.progress, step.total, step.message) for step in seen] == [
        (1, 3, "step 1"),
        (2, 3, "step 2"),
        (3, 3, "step 3"),
    ]


async def test_a_cancelled_call_is_cancelled_on_the_other_side_too(talk: Talk) -> None:
    waiting = anyio.Event()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            options = CallOptions(on_progress=lambda _: waiting.set())
            tasks.start_soon(talk.client.call_tool, "wait", None, options)
            await waiting.wait()
            tasks.cancel_scope.cancel()
        assert texts(await talk.client.call_tool("waited")) == ["it is gone"]


async def test_log_messages_arrive_from_the_level_that_was_asked_for(talk: Talk) -> None:
    await talk.client.set_logging_level("info")
    talk.heard.clear()
    await talk.client.call_tool("log")
    said = await talk.until(lambda notification: notification.method == "notifications/message")
    assert (said.params["level"], "a word" in str(said.params["data"])) == ("info", True)


async def test_lists_are_read_to_their_last_page(talk: Talk) -> None:
    found = [resource["uri"] for resource in await talk.client.list_resources()]
    assert found in (["note://text", "note://bytes"], [f"note://shelf/{number}" for number in range(5)])


async def test_texts_and_bytes_are_read(talk: Talk) -> None:
    (text,) = (await talk.client.read_resource("note://text"))["contents"]
    (data,) = (await talk.client.read_resource("note://bytes"))["contents"]
    assert (text["text"], text["mimeType"]) == ("a note", "text/plain")
    assert base64.b64decode(data["blob"]) == b"\x00\x01\x02\xff"


async def test_templates_are_listed_and_read(talk: Talk, needs) -> None:
    needs("templates")
    (template,) = await talk.client.list_resource_templates()
    assert template["uriTemplate"] == "note://page/{number}"
    (page,) = (await talk.client.read_resource("note://page/7"))["contents"]
    assert page["text"] == "page 7"


async def test_a_resource_that_is_not_there_is_an_error(talk: Talk) -> None:
    with pytest.raises(RequestFailed):
        await talk.client.read_resource("note://nowhere/at/all")


async def test_prompts_are_listed_filled_in_and_completed(talk: Talk) -> None:
    (prompt,) = await talk.client.list_prompts()
    assert [argument["name"] for argument in prompt["arguments"]] == ["name"]
    (message,) = (await talk.client.get_prompt("greet", {"name": "Ada"}))["messages"]
    assert message["content"]["text"] == "Greet Ada"
    completion = await talk.client.complete({"type": "ref/prompt", "name": "greet"}, "name", "A")
    assert completion["completion"]["values"] == ["Ada", "Alan"]


async def test_the_server_may_ask_the_user(talk: Talk) -> None:
    assert texts(await talk.client.call_tool("ask")) == ["Hello, Ada"]


async def test_the_server_may_ask_the_model(talk: Talk) -> None:
    assert texts(await talk.client.call_tool("sample")) == ["forty-two"]


async def test_the_server_may_ask_for_roots(talk: Talk) -> None:
    assert texts(await talk.client.call_tool("roots")) == ["file:///home/ada"]


async def test_a_change_of_a_watched_resource_is_announced(talk: Talk, needs) -> None:
    needs("subscriptions")
    with anyio.fail_after(PATIENCE):
        async with talk.client.listen(Filter(uris=("note://text",))) as changes:
            await talk.client.call_tool("touch", {"uri": "note://text"})
            assert (await anext(changes)).params["uri"] == "note://text"


async def test_a_change_of_a_resource_is_heard_unasked_in_the_legacy_era(talk: Talk) -> None:
    if talk.client.revision.modern:
        pytest.skip("only the legacy era tells of changes unasked")
    await talk.client.call_tool("touch", {"uri": "note://bytes"})
    await talk.until(lambda heard: (heard.method, heard.params) == (UPDATED, {"uri": "note://bytes"}))


async def test_a_change_of_the_tools_is_announced(talk: Talk, needs) -> None:
    needs("listen")
    with anyio.fail_after(PATIENCE):
        async with talk.client.listen(Filter(tools=True)) as changes:
            await talk.client.call_tool("grow")
            assert (await anext(changes)).method == "notifications/tools/list_changed"


async def test_many_calls_in_flight_get_their_own_answers(talk: Talk) -> None:
    sums: dict[int, float] = {}

    async def add(number: int) -> None:
        sums[number] = (await talk.client.call_tool("add", {"a": number, "b": number}))["structuredContent"]["sum"]

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(add, number)
    assert sums == {number: 2 * number for number in range(20)}


async def test_the_connection_still_answers_at_the_end(talk: Talk) -> None:
    await talk.client.ping()
