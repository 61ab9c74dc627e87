"""A client on the official Python SDK 1.x: `client_mcp1.py stdio COMMAND... | http|sse|ws URL`."""

import sys
import warnings
from contextlib import asynccontextmanager

import anyio
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from report import WATCHED, Heard, Report

warnings.simplefilter("ignore")


def transport(kind: str, target: list[str]):
    if kind == "stdio":
        return stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
    if kind == "ws":
        from mcp.client.websocket import websocket_client

        return websocket_client(target[0])
    return {"http": streamable_http_client, "sse": sse_client}[kind](target[0])


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def sample(context, params):
    content = types.TextContent(type="text", text="forty-two")
    return types.CreateMessageResult(role="assistant", content=content, model="abacus")


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///home/ada")])


class Talk:
    """One session, and what each feature shows."""

    def __init__(self, session: ClientSession, heard: Heard, first: types.InitializeResult) -> None:
        self.session, self.heard, self.first = session, heard, first

    async def revision(self):
        return self.first.protocolVersion

    async def server(self):
        return [self.first.serverInfo.name, bool(self.first.instructions)]

    async def _pages(self, fetch, member):
        page = await fetch()
        found = list(getattr(page, member))
        while page.nextCursor:
            page = await fetch(params=types.PaginatedRequestParams(cursor=page.nextCursor))
            found += getattr(page, member)
        return found

    async def tools(self):
        return sorted(tool.name for tool in await self._pages(self.session.list_tools, "tools"))

    async def prompts(self):
        return sorted(prompt.name for prompt in await self._pages(self.session.list_prompts, "prompts"))

    async def resources(self):
        return sorted(str(resource.uri) for resource in await self._pages(self.session.list_resources, "resources"))

    async def templates(self):
        found = await self._pages(self.session.list_resource_templates, "resourceTemplates")
        return sorted(template.uriTemplate for template in found)

    async def _text(self, name, arguments=None, **more):
        return (await self.session.call_tool(name, arguments, **more)).content[0].text

    async def echo(self):
        return await self._text("echo", {"text": "caf\u00e9 \U0001f600"})

    async def structured(self):
        return (await self.session.call_tool("add", {"a": 1, "b": 2})).structuredContent

    async def error(self):
        result = await self.session.call_tool("fail", {"message": "no luck"})
        return [result.isError, result.content[0].text]

    async def refused(self):
        return (await self.session.call_tool("add", {"a": "one", "b": 2})).isError

    async def kinds(self):
        result = await self.session.call_tool("test_multiple_content_types")
        return [block.type for block in result.content]

    async def progress(self):
        steps = []

        async def note(progress, total, message):
            steps.append([progress, total])

        await self._text("slow", {"seconds": 0.03, "steps": 3}, progress_callback=note)
        return steps

    async def cancelled(self):
        """The SDK says nothing to the server when a call is abandoned; its users send the notification themselves."""
        begun = anyio.Event()

        async def note(progress, total, message):
            begun.set()

        async def call():
            await self.session.call_tool("slow", {"seconds": 20, "steps": 100}, progress_callback=note)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await begun.wait()
            number = self.session._request_id - 1
            params = types.CancelledNotificationParams(requestId=number)
            await self.session.send_notification(types.ClientNotification(types.CancelledNotification(params=params)))
            tasks.cancel_scope.cancel()
        return await self._text("echo", {"text": "still here"})

    async def log(self):
        await self.session.set_logging_level("warning")
        await self._text("log", {"level": "info", "count": 1})
        await self._text("log", {"level": "error", "count": 2})
        return [await self.heard.wait("log"), await self.heard.wait("log")]

    async def text(self):
        return (await self.session.read_resource("test://static-text")).contents[0].text

    async def blob(self):
        return bool((await self.session.read_resource("test://static-binary")).contents[0].blob)

    async def template(self):
        return (await self.session.read_resource("test://square/12")).contents[0].text

    async def missing(self):
        try:
            await self.session.read_resource("test://nowhere")
        except McpError as error:
            return error.error.code

    async def prompt(self):
        result = await self.session.get_prompt("review", {"code": "pass", "language": "python"})
        return result.messages[0].content.text.splitlines()[0]

    async def completion(self):
        reference = types.PromptReference(type="ref/prompt", name="review")
        result = await self.session.complete(reference, {"name": "language", "value": "java"})
        return result.completion.values

    async def ask(self):
        return await self._text("ask")

    async def sample(self):
        return await self._text("sample")

    async def roots(self):
        return await self._text("roots")

    async def updated(self):
        await self.session.subscribe_resource(WATCHED)
        await self._text("touch_resource", {"uri": WATCHED})
        uri = await self.heard.wait("updated")
        await self.session.unsubscribe_resource(WATCHED)
        return uri

    async def changed(self):
        await self._text("toggle_extra_tool")
        await self.heard.wait("changed")
        await self._text("toggle_extra_tool")
        await self.heard.wait("changed")  # so that nothing is under way when the connection ends
        return True

    async def ping(self):
        await self.session.send_ping()
        return True


FEATURES = [name for name in vars(Talk) if not name.startswith("_")]


@asynccontextmanager
async def talking(kind: str, target: list[str]):
    heard = Heard()

    async def log(params):
        heard.add("log", params.level)

    async def hear(message):
        match message:
            case types.ServerNotification(root=types.ResourceUpdatedNotification(params=params)):
                heard.add("updated", str(params.uri))
            case types.ServerNotification(root=types.ToolListChangedNotification()):
                heard.add("changed")

    callbacks = {"sampling_callback": sample, "elicitation_callback": elicit, "list_roots_callback": roots}
    async with (
        transport(kind, target) as (reading, writing, *_),
        ClientSession(reading, writing, logging_callback=log, message_handler=hear, **callbacks) as session,
    ):
        yield Talk(session, heard, await session.initialize())


async def main() -> None:
    report = Report()
    async with talking(sys.argv[1], sys.argv[2:]) as talk:
        for name in FEATURES:
            await report.add(name, getattr(talk, name))
    report.show()


anyio.run(main)
