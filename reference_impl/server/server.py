"""`AdvancedMCPServer`: what a server offers, declared with decorators.

    server = AdvancedMCPServer("clock", "1.0")

    @server.tool(description="Tells the time.", annotations={"readOnlyHint": True})
    async def now(zone: str = "UTC") -> str: ...

One instance serves any number of conversations of both eras at once, over any shell: `serve_stdio`, `serve_stream`,
`MCPApplication`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Literal, TypeVar, Unpack

from reference_impl.protocol.revisions import REVISIONS, Revision
from reference_impl.security.redaction import Redactor
from reference_impl.server.capabilities import declared
from reference_impl.server.definitions import (
    Described,
    Prompt,
    Resource,
    ResourceMembers,
    Tool,
    ToolMembers,
    check_icons,
    identity,
    on_wire,
)
from reference_impl.server.dispatch import answer
from reference_impl.server.errors import describe_error
from reference_impl.server.lifespan import Shared
from reference_impl.server.middleware import Handler, Invocation, Middleware
from reference_impl.server.options import ServerOptions
from reference_impl.server.pinging import keep_pinging
from reference_impl.server.readiness import Readiness
from reference_impl.server.state import StateSeal
from reference_impl.server.subscriptions import Hub
from reference_impl.server.tasks import TaskManager
from reference_impl.server.tracing import traced

__all__ = ["AdvancedMCPServer", "ServerOptions"]

Function = TypeVar("Function", bound=Callable[..., Any])
Completer = Callable[[str, dict[str, str]], Awaitable[list[str]]]
Kind = Literal["tools", "resources", "templates", "prompts"]
_KINDS: tuple[Kind, ...] = ("tools", "resources", "templates", "prompts")


class AdvancedMCPServer:
    """A server of both eras.

    `lifespan` is entered before the first conversation and left after the last: the place for connection pools.
    `metrics` is anything with `record_tool_call(tool_name, duration_seconds, success)`, such as `ServerMetrics`; where
    it also has `record_resource_access(uri_pattern, duration_seconds, success)` and `record_error(error_class, code,
    message)`, these are fed too: the exception's name, the tool's name or the method, and what the client was told.
    `seal` guards the request states; processes that serve one endpoint together share its key. `readiness` holds probes
    of what `/health` depends on; `secrets` the values that no error may tell a client (`secrets.keep([password])`). All
    tasks end when the last conversation has. `find_more`, where it is set, returns resources as on the wire that come
    and go, listed behind the registered ones.
    """

    def __init__(
        self,
        name: str,
        version: str = "1.0.0",
        *,
        instructions: str | None = None,
        options: ServerOptions | None = None,
        lifespan: Callable[[], AbstractAsyncContextManager[Any]] | None = None,
        metrics: Any = None,
    ) -> None:
        self.info: dict[str, Any] = {"name": name, "version": version}
        self.instructions = instructions
        self.options = options or ServerOptions()
        check_icons(self.options.about.get("icons"))
        self.metrics = metrics
        self._made = lifespan or nullcontext
        self._beside: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._lifespan = Shared(self._life)
        self.readiness = Readiness()
        self.secrets = Redactor()
        self.seal = StateSeal()
        self.hub = Hub()
        self.tasks = TaskManager(partial(answer, self), self.hub, self.options.tasks)
        self.tools: dict[str, Tool] = {}
        self.resources: dict[str, Resource] = {}
        self.templates: dict[str, Resource] = {}
        self.prompts: dict[str, Prompt] = {}
        self.completions: dict[tuple[str, str], Completer] = {}
        self.find_more: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None
        self.middleware: list[Middleware] = []
        self._cached: dict[tuple[str, str], Any] = {}
        self.routes: dict[tuple[str, str], Any] = {}  # method and revision to what serves it, as `dispatch` found it
        self._handler: Handler | None = None

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return a context in which this server may be used; shells enter it."""
        return self._lifespan.entered()

    @asynccontextmanager
    async def _life(self) -> AsyncGenerator[None, None]:
        self.hub.attach()
        self.tasks.open()
        async with self._made():
            pinging = self._pinging()
            beside = [asyncio.create_task(job()) for job in self._beside]
            try:
                yield
            finally:
                for task in (*beside, *([] if pinging is None else [pinging])):
                    task.cancel()
                await self.tasks.close()

    def run_beside(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `job` from the first conversation on; it is cancelled after the last."""
        self._beside.append(job)

    def _pinging(self) -> asyncio.Task[None] | None:
        interval, timeout = self.options.ping_interval, self.options.ping_timeout
        if interval is None:
            return None
        return asyncio.create_task(keep_pinging(self.hub.sessions, interval, timeout))

    def tool(
        self,
        name: str | None = None,
        description: str | None = None,
        schema: dict[str, Any] | None = None,
        **more: Unpack[ToolMembers],
    ) -> Callable[[Function], Function]:
        """Register a tool. Without `name`, `description` and `schema`, the function's name, docstring and type hints
        speak.

        With `outputSchema`, the function returns the structured content. Raises `ValueError` for what the specification
        does not admit.
        """

        def register(function: Function) -> Function:
            self.add("tools", Tool.of(function, name or function.__name__, description, schema, more))
            return function

        return register

    def resource(
        self, uri: str, name: str | None = None, description: str | None = None, **more: Unpack[ResourceMembers]
    ) -> Callable[[Function], Function]:
        """Register a resource, or with variables in `uri` (`{name}`, `{+path}`) a template. The function returns `str`,
        `bytes`, or a list of contents as on the wire."""

        def register(function: Function) -> Function:
            resource = Resource.of(function, uri, name, description, more)
            self.add("resources" if resource.template is None else "templates", resource)
            return function

        return register

    def prompt(
        self,
        name: str | None = None,
        description: str | None = None,
        arguments: list[dict[str, Any]] | None = None,
        **more: Unpack[Described],
    ) -> Callable[[Function], Function]:
        """Register a prompt. The function returns a string, a content block, or a list of messages."""

        def register(function: Function) -> Function:
            self.add("prompts", Prompt.of(function, name or function.__name__, description, arguments, more))
            return function

        return register

    def completion(self, reference: str, argument: str) -> Callable[[Completer], Completer]:
        """Register what completes `argument` of a prompt (by name) or of a template (by its URI template). The function
        takes what was typed and the arguments already known, and returns values, best first."""

        def register(completer: Completer) -> Completer:
            self.completions[reference, argument] = completer
            return completer

        return register

    def add(self, kind: Kind, definition: Tool | Resource | Prompt) -> None:
        """Offer something more; those who listen hear of it."""
        key = definition.uri if isinstance(definition, Resource) else definition.name
        registry: dict[str, Any] = getattr(self, kind)
        if key in registry:
            raise ValueError(f"{kind} already has {key!r}")
        registry[key] = definition
        self._changed(kind)

    def remove(self, kind: Kind, key: str) -> None:
        """Offer something no more. Raises `KeyError` if it was never offered."""
        del getattr(self, kind)[key]
        self._changed(kind)

    def adopt(self, other: AdvancedMCPServer) -> list[Kind]:
        """Offer what `other` offers, and nothing else any more; those who listen hear of the lists that differ.

        Returns these lists. Call it on the loop that serves.
        """
        differing = []
        for kind in _KINDS:
            mine, theirs = getattr(self, kind), getattr(other, kind)
            if [item.wire for item in mine.values()] != [item.wire for item in theirs.values()]:
                differing.append(kind)
            mine.clear()
            mine.update(theirs)
        self.completions = dict(other.completions)
        self.find_more = other.find_more
        self._cached.clear()
        self.routes.clear()
        for kind in differing:
            self._changed(kind)
        return differing

    def _changed(self, kind: Kind) -> None:
        self._cached.clear()
        self.routes.clear()
        self._tell_middleware(None)
        if self.options.listens:
            self.hub.list_changed("resources" if kind == "templates" else kind)

    def resource_updated(self, uri: str) -> None:
        """Tell those who subscribed that a resource reads differently now."""
        self._tell_middleware(uri)
        if self.options.listens:
            self.hub.resource_updated(uri)

    def _tell_middleware(self, uri: str | None) -> None:
        for middleware in self.middleware:
            changed = getattr(middleware, "changed", None)
            if changed is not None:
                changed(uri)

    def add_middleware(self, middleware: Middleware) -> None:
        """Put `middleware` around every handler, inside those added before."""
        self.middleware.append(middleware)
        self._handler = None

    def invoke(self, invocation: Invocation) -> Awaitable[Any]:
        """Call a handler through the middleware; returns what is to be awaited."""
        if self._handler is None:
            handler: Handler = _call
            for middleware in reversed(self.middleware):
                handler = middleware.wrap(handler)
            self._handler = traced(handler)
        return self._handler(invocation)

    def find_resource(self, uri: str) -> tuple[Resource, dict[str, Any]] | None:
        """Return the resource that answers to `uri` and the variables that its template found, or None."""
        if uri in self.resources:
            return self.resources[uri], {}
        for template in self.templates.values():
            variables = template.template.match(uri) if template.template else None
            if variables is not None:
                return template, variables
        return None

    def identity(self, revision: Revision) -> dict[str, Any]:
        """Return what this server says of itself to clients of `revision` when they come."""
        return identity(self.info["name"], self.info["version"], self.options.about, revision)

    @property
    def supported_versions(self) -> list[str]:
        """Names of the revisions, newest first."""
        return [revision.name for revision in reversed(REVISIONS)]

    def capabilities(self, revision: Revision) -> dict[str, Any]:
        """Return what this server declares to clients of `revision`; it follows from what was registered."""
        cached = self._cached.get(("capabilities", revision.name))
        if cached is None:
            cached = self._cached["capabilities", revision.name] = declared(self, revision)
        capabilities: dict[str, Any] = cached
        return capabilities

    @property
    def takes_tasks(self) -> bool:
        """Whether any tool may be called as a task."""
        return any(tool.task_support != "forbidden" for tool in self.tools.values())

    def listing(self, kind: Kind, revision: Revision) -> list[dict[str, Any]]:
        """Return all definitions of a kind as `revision` writes them, in the order of registration."""
        cached = self._cached.get((kind, revision.name))
        if cached is None:
            definitions = getattr(self, kind).values()
            cached = self._cached[kind, revision.name] = [on_wire(item.wire, revision) for item in definitions]
        items: list[dict[str, Any]] = cached
        return items

    def page_size(self, method: str) -> int:
        """Return how many items one page of a list method holds."""
        return self.options.pages.get(method, 100)

    def record_tool_call(self, name: str, seconds: float, *, success: bool) -> None:
        """Tell the metrics of a call."""
        if self.metrics is not None:
            self.metrics.record_tool_call(name, seconds, success)

    def record(self, what: str, *facts: Any) -> None:
        """Tell the metrics something, where they want to know it."""
        hook = getattr(self.metrics, what, None)
        if hook is not None:
            hook(*facts)

    def told(self, error: Exception) -> str:
        """Return what a client may know of an exception, and the metrics with it."""
        return self.secrets.text(describe_error(error))


def _call(invocation: Invocation) -> Awaitable[Any]:
    return invocation.target.callee(invocation.arguments, invocation.context)
