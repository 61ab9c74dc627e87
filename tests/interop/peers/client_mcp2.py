"""A client on the official Python SDK 2.x: `client_mcp2.py stdio COMMAND... | http|sse URL`."""

import sys
import warnings
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.sse import sse_client
from report import WATCHED, Heard, Report

warnings.simplefilter("ignore")


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def sample(context, params):
    content = types.TextContent(type="text", text="forty-two")
    return types.CreateMessageResult(role="assistant", content=content, model="abacus")


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///home/ada")])


class Talk:
    """One connection, and what each feature shows."""

    def __init__(self, client: Client, heard: Heard) -> None:
        self.client, self.heard = client, heard

    async def revision(self):
        return self.client.protocol_version

    async def server(self):
        return [self.client.server_info.name, bool(self.client.instructions)]

    async def _pages(self, fetch, member):
        page = await fetch()
        found = list(getattr(page, member))
        while page.next_cursor:
            page = await fetch(cursor=page.next_cursor)
            found += getattr(page, member)
        return found

    async def tools(self):
        return sorted(tool.name for tool in await self._pages(self.client.list_tools, "tools"))

    async def prompts(self):
        return sorted(prompt.name for prompt in await self._pages(self.client.list_prompts, "prompts"))

    async def resources(self):
        return sorted(str(resource.uri) for resource in await self._pages(self.client.list_resources, "resources"))

    async def templates(self):
        found = await self._pages(self.client.list_resource_templates, "resource_templates")
        return sorted(template.uri_template for template in found)

    async def _text(self, name, arguments=None, **more):
        return (await self.client.call_tool(name, arguments, **more)).content[0].text

    async def echo(self):
        return await self._text("echo", {"text": "caf\u00e9 \U0001f600"})

    async def routed(self):
        return await self._text("route", {"region": "d\u00fcsseldorf", "shard": 3, "dry": True})

    async def structured(self):
        return (await self.client.call_tool("add", {"a": 1, "b": 2})).structured_content

    async def error(self):
        result = await self.client.call_tool("fail", {"message": "no luck"})
        return [result.is_error, result.content[0].text]

    async def refused(self):
        return (await self.client.call_tool("add", {"a": "one", "b": 2})).is_error

    async def kinds(self):
        result = await self.client.call_tool("test_multiple_content_types")
        return [block.type for block in result.content]

    async def progress(self):
        steps = []

        async def note(progress, total, message):
            steps.append([progress, total])

        await self._text("slow", {"seconds": 0.03, "steps": 3}, progress_callback=note)
        return steps

    async def cancelled(self):
        begun = anyio.Event()

        async def note(progress, total, message):
            begun.set()

        async def call():
            await self.client.call_tool("slow", {"seconds": 20, "steps": 100}, progress_callback=note)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await begun.wait()
            tasks.cancel_scope.cancel()
        return await self._text("echo", {"text": "still here"})

    async def log(self):
        if self._legacy:
            await self.client.set_logging_level("warning")
        await self._text("log", {"level": "info", "count": 1})
        await self._text("log", {"level": "error", "count": 2})
        return [await self.heard.wait("log"), await self.heard.wait("log")]

    @property
    def _legacy(self):
        return self.client.protocol_version < "2026"

    async def text(self):
        return (await self.client.read_resource("test://static-text")).contents[0].text

    async def blob(self):
        return bool((await self.client.read_resource("test://static-binary")).contents[0].blob)

    async def template(self):
        return (await self.client.read_resource("test://square/12")).contents[0].text

    async def missing(self):
        try:
            await self.client.read_resource("test://nowhere")
        except MCPError as error:
            return error.error.code

    async def prompt(self):
        result = await self.client.get_prompt("review", {"code": "pass", "language": "python"})
        return result.messages[0].content.text.splitlines()[0]

    async def completion(self):
        reference = types.PromptReference(type="ref/prompt", name="review")
        result = await self.client.complete(reference, {"name": "language", "value": "java"})
        return result.completion.values

    async def ask(self):
        return await self._text("ask")

    async def sample(self):
        return await self._text("sample")

    async def roots(self):
        return await self._text("roots")

    async def rounds(self):
        return await self._text("test_input_required_result_multiple_inputs")

    async def updated(self):
        if self._legacy:
            await self.client.subscribe_resource(WATCHED)
            await self._text("touch_resource", {"uri": WATCHED})
            return await self.heard.wait("updated")
        async with self.client.listen(resource_subscriptions=[WATCHED]) as news:
            await self._text("touch_resource", {"uri": WATCHED})
            return (await anext(news)).uri

    async def changed(self):
        if self._legacy:
            for _ in range(2):  # to the end, so that nothing is under way when the connection ends
                await self._text("toggle_extra_tool")
                await self.heard.wait("changed")
            return True
        async with self.client.listen(tools_list_changed=True) as news:
            await self._text("toggle_extra_tool")
            await anext(news)
        await self._text("toggle_extra_tool")
        return True

    async def ping(self):
        if not self._legacy:
            return None
        await self.client.send_ping()
        return True


FEATURES = [name for name in vars(Talk) if not name.startswith("_")]


@asynccontextmanager
async def talking(kind: str, target: list[str], **more):
    heard = Heard()

    async def log(params):
        heard.add("log", params.level)

    async def hear(message):
        match message:
            case types.ResourceUpdatedNotification(params=params):
                heard.add("updated", str(params.uri))
            case types.ToolListChangedNotification():
                heard.add("changed")

    server = {
        "stdio": lambda: StdioServerParameters(command=target[0], args=target[1:]),
        "http": lambda: target[0],
        "sse": lambda: sse_client(target[0]),
    }[kind]()
    callbacks = {"sampling_callback": sample, "elicitation_callback": elicit, "list_roots_callback": roots}
    async with Client(
        server, logging_callback=log, message_handler=hear, log_level="warning", **callbacks, **more
    ) as client:
        yield Talk(client, heard)


async def main() -> None:
    report = Report()
    mode = "legacy" if sys.argv[1] == "sse" else "auto"
    async with talking(sys.argv[1], sys.argv[2:], mode=mode) as talk:
        for name in FEATURES:
            await report.add(name, getattr(talk, name))
    report.show()


anyio.run(main)
