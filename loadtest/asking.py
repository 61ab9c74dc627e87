"""What a task of a locustfile may ask of a server, in the words of the protocol. No Locust."""

from __future__ import annotations

import time
from typing import Any, Protocol, TypedDict, Unpack

from loadtest.exchange import Conversation, Listening
from loadtest.response import Response
from loadtest.sample import Failure, Sample
from loadtest.visitor import Visitor
from loadtest.wire import Message
from reference_impl.protocol.messages import Request

__all__ = ["Asker", "Asks", "Named"]


class Named(TypedDict, total=False):
    """What may be said of any request, see `Asks`."""

    name: str
    context: dict[str, Any]
    catch_response: bool


class Asker(Protocol):
    """Who asks, as `Asks` sees it."""

    visitor: Visitor
    schemas: dict[str, Any]
    """Input schemas by tool, of those that mirror parameters in headers."""
    declared: dict[str, Any]
    """The client capabilities."""

    def report(self, sample: Sample, response: Response, context: dict[str, Any]) -> None:
        """Count a request, here and in Locust's statistics."""


class Asks:
    """Requests for tasks. Each waits for its answer, is counted under its name, and returns a `Response`.

    `name` groups requests in the statistics; without one it is the method and what it is asked of (`tools/call
    search`). `context` goes to Locust's `request` event. With `catch_response=True` the response is to be used in a
    `with` block, where `success()` and `failure(why)` decide what it counts as. Failures are counted, not raised;
    `raise_for_failure()` does that. The conversation is opened where it is not open.
    """

    visitor: Visitor
    schemas: dict[str, Any]

    @property
    def conversation(self) -> Conversation:
        """The conversation, for calls that are begun and cancelled, and for what else no task of everyday needs."""
        return self.visitor.conversation

    def request(self: Any, method: str, params: dict[str, Any] | None = None, /, **named: Unpack[Named]) -> Response:
        """Send a request of any method."""
        asker: Asker = self
        tool = (params or {}).get("name", "") if method == "tools/call" else ""
        kind = (asker.visitor.traffic.revision, asker.declared)
        message = Message(named.get("name", method), Request(0, method, params), kind, asker.schemas.get(tool))
        began = time.perf_counter()
        exchange = asker.visitor.call(message)

        def report(response: Response) -> None:
            failure = None if response.error is None else response.error.failure
            sample = exchange._replace(failure=failure).sample(message.name, began)
            asker.report(sample, response, named.get("context", {}))

        if named.get("catch_response", False):
            return Response(message.name, exchange, report)
        response = Response(message.name, exchange)
        report(response)
        return response

    def call_tool(self, tool: str, arguments: dict[str, Any] | None = None, /, **named: Unpack[Named]) -> Response:
        """Call a tool; an answer with `isError` is a failure."""
        named.setdefault("name", f"tools/call {tool}")
        return self.request("tools/call", {"name": tool, "arguments": arguments or {}}, **named)

    def list_tools(self, cursor: str | None = None, /, **named: Unpack[Named]) -> Response:
        """List tools, one page. What their input schemas say of headers is heeded in calls that follow."""
        response: Response = self._list("tools/list", cursor, named)
        for tool in response.result.get("tools", ()):
            if "x-mcp-header" in str(tool.get("inputSchema")):
                self.schemas[tool["name"]] = tool["inputSchema"]
        return response

    def list_resources(self, cursor: str | None = None, /, **named: Unpack[Named]) -> Response:
        """List resources, one page."""
        return self._list("resources/list", cursor, named)

    def list_prompts(self, cursor: str | None = None, /, **named: Unpack[Named]) -> Response:
        """List prompts, one page."""
        return self._list("prompts/list", cursor, named)

    def read_resource(self, uri: str, /, **named: Unpack[Named]) -> Response:
        """Read a resource."""
        named.setdefault("name", f"resources/read {uri}")
        return self.request("resources/read", {"uri": uri}, **named)

    def get_prompt(self, prompt: str, arguments: dict[str, str] | None = None, /, **named: Unpack[Named]) -> Response:
        """Get a prompt."""
        named.setdefault("name", f"prompts/get {prompt}")
        return self.request("prompts/get", {"name": prompt, "arguments": arguments or {}}, **named)

    def notify(self, method: str, params: dict[str, Any] | None = None, /) -> Failure | None:
        """Send a notification, which is not counted; return why that failed."""
        return self.conversation.notify(method, params)

    def listen(self, wanted: dict[str, Any] | None = None, /) -> Listening:
        """Open the stream of what the server says on its own account (`loadtest.exchange.Conversation.listen`)."""
        return self.conversation.listen(wanted)

    def _list(self, method: str, cursor: str | None, named: Named) -> Response:
        return self.request(method, None if cursor is None else {"cursor": cursor}, **named)
