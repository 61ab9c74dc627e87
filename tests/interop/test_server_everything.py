"""Our client with the TypeScript `server-everything`, which many clients are tried on."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest

from reference_impl.client import CallOptions, Filter, RequestFailed, StdioCommand
from reference_impl.protocol.revisions import LATEST_LEGACY
from tests.interop.conversation import PATIENCE, Talk, talking, texts
from tests.interop.strangers import Strangers, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # the first test may have to install a stranger

SCRIPT = "@modelcontextprotocol/server-everything/dist/index.js"
MODES = {"http": ("streamableHttp", "http://127.0.0.1:{}/mcp"), "sse": ("sse", "sse+http://127.0.0.1:{}/sse")}
TEXT = "demo://resource/dynamic/text/7"


@pytest.fixture(scope="module", params=["stdio", "http", "sse"])
def target(request: pytest.FixtureRequest, strangers: Strangers) -> Iterator[StdioCommand | str]:
    command = strangers.node("everything", SCRIPT)
    if request.param == "stdio":
        yield StdioCommand((*command, "stdio"))
        return
    mode, url = MODES[request.param]
    with socket.socket() as probe:  # the server does not say which port it got if it may choose
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving((*command, mode), rf"port {port}", PORT=str(port)):
        yield url.format(port)


@pytest.fixture(scope="module")
async def talk(target: StdioCommand | str) -> AsyncIterator[Talk]:
    async with talking(target) as talk:
        yield talk


async def test_the_newest_revision_with_a_handshake_is_spoken(talk: Talk) -> None:
    assert talk.client.revision is LATEST_LEGACY
    assert talk.client.agreement.server_info["name"] == "mcp-servers/everything"
    assert talk.client.agreement.instructions


async def test_tools_are_listed_those_too_that_need_a_clients_capability(talk: Talk) -> None:
    names = {tool["name"] for tool in await talk.client.list_tools()}
    assert {"echo", "get-sum", "get-roots-list", "trigger-elicitation-request", "trigger-sampling-request"} <= names


async def test_a_text_goes_there_and_back_unharmed(talk: Talk) -> None:
    words = "caf\u00e9 \U0001f600 \u2028 \x7f \u0000"
    assert texts(await talk.client.call_tool("echo", {"message": words})) == [f"Echo: {words}"]


async def test_structured_content_fits_its_schema_and_its_text(talk: Talk) -> None:
    result = await talk.client.call_tool("get-structured-content", {"location": "Chicago"})
    assert result["structuredContent"]["humidity"] == 82
    assert json.loads(texts(result)[0]) == result["structuredContent"]


async def test_images_and_annotations_come_through(talk: Talk) -> None:
    blocks = (await talk.client.call_tool("get-tiny-image"))["content"]
    (image,) = (block for block in blocks if block["type"] == "image")
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG")
    annotated = await talk.client.call_tool("get-annotated-message", {"messageType": "error"})
    assert annotated["content"][0]["annotations"]["audience"]


async def test_arguments_that_break_the_schema_are_an_error_of_the_tool(talk: Talk) -> None:
    assert (await talk.client.call_tool("get-sum", {"a": "one", "b": 2}))["isError"] is True


async def test_progress_arrives_before_the_result_and_in_order(talk: Talk) -> None:
    seen = []
    options = CallOptions(on_progress=seen.append)
    await talk.client.call_tool("trigger-long-running-operation", {"duration": 0.03, "steps": 3}, options)
    assert [(step.progress, step.total) for step in seen] == [(1, 3), (2, 3), (3, 3)]


async def test_a_cancelled_call_leaves_the_connection_as_it_was(talk: Talk) -> None:
    begun = anyio.Event()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            options = CallOptions(on_progress=lambda _: begun.set())
            arguments = {"duration": 0.5, "steps": 50}
            tasks.start_soon(talk.client.call_tool, "trigger-long-running-operation", arguments, options)
            await begun.wait()
            tasks.cancel_scope.cancel()
        assert texts(await talk.client.call_tool("echo", {"message": "still here"})) == ["Echo: still here"]


async def test_resources_are_listed_by_template_and_read(talk: Talk) -> None:
    assert await talk.client.list_resources()
    templates = {template["uriTemplate"] for template in await talk.client.list_resource_templates()}
    assert "demo://resource/dynamic/text/{resourceId}" in templates
    (text,) = (await talk.client.read_resource(TEXT))["contents"]
    assert text["text"].startswith("Resource 7")
    (blob,) = (await talk.client.read_resource("demo://resource/dynamic/blob/7"))["contents"]
    assert base64.b64decode(blob["blob"]).startswith(b"Resource 7")
    with pytest.raises(RequestFailed):
        await talk.client.read_resource("demo://nowhere")


async def test_a_watched_resource_announces_its_change(talk: Talk) -> None:
    with anyio.fail_after(PATIENCE):
        async with talk.client.listen(Filter(uris=(TEXT,))) as changes:
            await talk.client.call_tool("toggle-subscriber-updates")
            assert (await anext(changes)).params["uri"] == TEXT
        await talk.client.call_tool("toggle-subscriber-updates")


async def test_prompts_are_filled_in_and_completed_by_what_is_known(talk: Talk) -> None:
    assert "args-prompt" in {prompt["name"] for prompt in await talk.client.list_prompts()}
    (message,) = (await talk.client.get_prompt("args-prompt", {"city": "Ulm"}))["messages"]
    assert "Ulm" in message["content"]["text"]
    reference = {"type": "ref/prompt", "name": "completable-prompt"}
    known = {"department": "Sales"}
    assert (await talk.client.complete(reference, "name", "E", known))["completion"]["values"] == ["Eve"]


async def test_log_messages_arrive(talk: Talk) -> None:
    await talk.client.set_logging_level("debug")
    await talk.client.call_tool("toggle-simulated-logging")
    said = await talk.until(lambda notification: notification.method == "notifications/message")
    assert said.params["level"]
    await talk.client.call_tool("toggle-simulated-logging")


async def test_the_server_may_ask_the_user_the_model_and_for_roots(talk: Talk) -> None:
    asked = await talk.client.call_tool("trigger-elicitation-request")
    assert "- Name: Ada" in "".join(texts(asked))
    arguments = {"prompt": "What now?", "maxTokens": 10}
    assert "forty-two" in "".join(texts(await talk.client.call_tool("trigger-sampling-request", arguments)))
    assert "file:///home/ada" in "".join(texts(await talk.client.call_tool("get-roots-list")))


async def test_the_connection_still_answers_at_the_end(talk: Talk) -> None:
    await talk.client.ping()
