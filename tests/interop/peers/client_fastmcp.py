"""A client on FastMCP: `client_fastmcp.py stdio COMMAND... | http|sse URL`."""

import sys
import warnings
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
from fastmcp import Client
from fastmcp.client.messages import MessageHandler
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from mcp import MCPError
from report import WATCHED, Heard, Report

warnings.simplefilter("ignore")


async def elicit(message, response_type, params, context):
    return response_type(name="Ada")


async def sample(messages, params, context):
    return "forty-two"


class Ear(MessageHandler):
    """Notes the changes that it hears of."""

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self.heard = heard

    async def on_resource_updated(self, message):
        self.heard.add("updated", str(message.params.uri))

    async def on_tool_list_changed(self, message):  # noqa: ARG002 - the SDK passes it by name or place
        self.heard.add("changed")


class Talk:
    """One connection, and what each feature shows."""

    def __init__(self, client: Client, heard: Heard) -> None:
        self.client, self.heard = client, heard

    async def revision(self):
        return self.client.protocol_version

    async def server(self):
        return [self.client.server_info.name, bool(self.client.instructions)]

    async def tools(self):
        return sorted(tool.name for tool in await self.client.list_tools())

    async def prompts(self):
        return sorted(prompt.name for prompt in await self.client.list_prompts())

    async def resources(self):
        return sorted(str(resource.uri) for resource in await self.client.list_resources())

    async def templates(self):
        return sorted(template.uri_template for template in await self.client.list_resource_templates())

    async def _text(self, name, arguments=None, **more):
        return (await self.client.call_tool(name, arguments, **more)).content[0].text

    async def echo(self):
        return await self._text("echo", {"text": "caf\u00e9 \U0001f600"})

    async def routed(self):
        return await self._text("route", {"region": "d\u00fcsseldorf", "shard": 3, "dry": True})

    async def structured(self):
        return (await self.client.call_tool("add", {"a": 1, "b": 2})).structured_content

    async def error(self):
        result = await self.client.call_tool("fail", {"message": "no luck"}, raise_on_error=False)
        return [result.is_error, result.content[0].text]

    async def refused(self):
        return (await self.client.call_tool("add", {"a": "one", "b": 2}, raise_on_error=False)).is_error

    async def kinds(self):
        return [block.type for block in (await self.client.call_tool("test_multiple_content_types")).content]

    async def progress(self):
        steps = []

        async def note(progress, total, message):
            steps.append([progress, total])

        await self._text("slow", {"seconds": 0.03, "steps": 3}, progress_handler=note)
        return steps

    async def cancelled(self):
        begun = anyio.Event()

        async def note(progress, total, message):
            begun.set()

        async def call():
            await self.client.call_tool("slow", {"seconds": 20, "steps": 100}, progress_handler=note)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await begun.wait()
            tasks.cancel_scope.cancel()
        return await self._text("echo", {"text": "still here"})

    async def log(self):
        if self._legacy:
            await self.client.set_logging_level("warning")
        meta = {"io.modelcontextprotocol/logLevel": "warning"}
        await self._text("log", {"level": "info", "count": 1}, meta=meta)
        await self._text("log", {"level": "error", "count": 2}, meta=meta)
        return [await self.heard.wait("log"), await self.heard.wait("log")]

    @property
    def _legacy(self):
        return self.client.protocol_version < "2026"

    async def text(self):
        return (await self.client.read_resource("test://static-text"))[0].text

    async def blob(self):
        return bool((await self.client.read_resource("test://static-binary"))[0].blob)

    async def template(self):
        return (await self.client.read_resource("test://square/12"))[0].text

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
        return (await self.client.complete(reference, {"name": "language", "value": "java"})).values

    async def ask(self):
        return await self._text("ask")

    async def sample(self):
        return await self._text("sample")

    async def roots(self):
        return await self._text("roots")

    async def rounds(self):
        return await self._text("test_input_required_result_multiple_inputs")

    async def changed(self):
        """A modern FastMCP client has no way to listen; in the legacy era it hears unasked."""
        if not self._legacy:
            return None
        await self._text("toggle_extra_tool")
        await self.heard.wait("changed")
        await self._text("toggle_extra_tool")
        await self.heard.wait("changed")  # so that nothing is under way when the connection ends
        return True

    async def updated(self):
        """The same; it subscribes with the session below it."""
        if not self._legacy:
            return None
        await self.client.session.subscribe_resource(WATCHED)
        await self._text("touch_resource", {"uri": WATCHED})
        return await self.heard.wait("updated")

    async def ping(self):
        return await self.client.ping() if self._legacy else None


FEATURES = [name for name in vars(Talk) if not name.startswith("_")]


@asynccontextmanager
async def talking(kind: str, target: list[str]):
    heard = Heard()

    async def log(message):
        heard.add("log", message.level)

    transport = {
        "stdio": lambda: StdioTransport(target[0], target[1:], keep_alive=False),
        "http": lambda: StreamableHttpTransport(target[0]),
        "sse": lambda: SSETransport(target[0]),
    }[kind]()
    async with Client(
        transport,
        roots=["file:///home/ada"],
        sampling_handler=sample,
        elicitation_handler=elicit,
        log_handler=log,
        message_handler=Ear(heard),
    ) as client:
        yield Talk(client, heard)


async def main() -> None:
    report = Report()
    async with talking(sys.argv[1], sys.argv[2:]) as talk:
        for name in FEATURES:
            await report.add(name, getattr(talk, name))
    report.show()


anyio.run(main)
