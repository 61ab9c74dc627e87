"""Many servers behind one client: their tools in one registry, calls that survive a lost connection, health.

async with AdvancedMCPClient() as client:
    await client.connect_server(ServerConfig("clock", StdioCommand(("clock-server",))))
    result = await client.call_tool_with_retry("clock", "now", {"zone": "UTC"})
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
import anyio.abc

from reference_impl.client.capabilities import Capabilities, negotiate
from reference_impl.client.connection import ClientConnection
from reference_impl.client.errors import ClientError, PermissionDenied, RequestTimeout, UnknownServer
from reference_impl.client.grouping import task_group
from reference_impl.client.health import Health, examine
from reference_impl.client.keeping import Ears, Keeper
from reference_impl.client.patience import hurried
from reference_impl.client.recording import record_failure
from reference_impl.client.registry import RegisteredTool, ToolRegistry
from reference_impl.client.resource_cache import ResourceCache
from reference_impl.client.retrying import RetryPolicy, pause_after, worth_repeating
from reference_impl.client.server_config import ServerConfig, ServerState
from reference_impl.client.settings import DEFAULT_OPTIONS, CallOptions, JsonObject
from reference_impl.metrics import ServerMetrics

__all__ = ["AdvancedMCPClient", "ManagerOptions", "PermissionGate"]

_HEALTH_TIMEOUT = 5.0
_Action = Callable[[ClientConnection], Awaitable[JsonObject]]


class PermissionGate(Protocol):
    """Who decides what may be done: `PermissionManager` is one."""

    async def request_permission(self, operation: str, resource: str, context: dict[str, Any]) -> bool:
        """Tell whether an operation on a resource is allowed; `context` says more of it, to those who are asked."""
        ...


@dataclass(frozen=True, slots=True)
class ManagerOptions:
    """What holds for every server. `deadline` is how many seconds a call may take with all its attempts and pauses,
    the time that a user thinks it over not counted."""

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    deadline: float = 300.0
    wall_clock: Callable[[], float] = time.time


class AdvancedMCPClient:
    """A client of several servers, open for the length of an `async with` block; leaving it stops every server.

    `permission_manager` is asked before every call of a tool and every read; without one, everything is allowed, and
    that is for the program around to decide. `metrics` has the calls as `server.tool` and the reads by server.
    """

    def __init__(
        self,
        permission_manager: PermissionGate | None = None,
        metrics: ServerMetrics | None = None,
        options: ManagerOptions | None = None,
    ) -> None:
        self.permission_manager = permission_manager
        self.metrics = metrics or ServerMetrics()
        self.options = options or ManagerOptions()
        self.tool_registry = ToolRegistry()
        self.resource_cache = ResourceCache()
        self._keepers: dict[str, Keeper] = {}
        self._tasks: anyio.abc.TaskGroup | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> AdvancedMCPClient:
        self._tasks = await self._stack.enter_async_context(task_group())
        return self

    async def __aexit__(self, *exception: Any) -> bool | None:
        self._tasks = None
        return await self._stack.__aexit__(*exception)

    @property
    def sessions(self) -> Mapping[str, ServerState]:
        """What is known of each server, by name."""
        return {name: keeper.state for name, keeper in self._keepers.items()}

    # Servers ------------------------------------------------------------------------------------

    async def connect_server(self, server_config: ServerConfig) -> ClientConnection:
        """Connect to a server and register what it offers; return the connection, which may later be replaced.

        Raises `ValueError` for a name that is taken, and what `connect` raises; the server is then not there. Raises
        `RuntimeError` outside of the client's block.
        """
        name = server_config.name
        if self._tasks is None:
            raise RuntimeError("servers are connected inside of `async with AdvancedMCPClient() as client`")
        if name in self._keepers:
            raise ValueError(f"a server is called {name!r} already")
        ears = Ears(self._offers, self.resource_cache.notified, self._missed)
        keeper = self._keepers[name] = Keeper(server_config, ears, self.options.policy, self.options.wall_clock)
        self._tasks.start_soon(keeper.run)
        try:
            return await keeper.renew(attempts=1)
        except BaseException:
            self._forget(keeper)
            with anyio.CancelScope(shield=True):
                await keeper.finished.wait()
            raise

    async def disconnect_server(self, name: str) -> None:
        """Leave a server, and stop it where it was started from here. Raises `UnknownServer`."""
        keeper = self._keeper(name)
        self._forget(keeper)
        await keeper.finished.wait()

    async def reconnect_server(self, name: str) -> ClientConnection:
        """Replace the connection to a server, whose process is started again, by a new one; try a few times.

        Calls under way on the old one fail. Those who ask at the same time share the new one. Raises `UnknownServer`,
        and why there is no connection.
        """
        return await self._keeper(name).renew()

    async def negotiate_capabilities(self, session: ClientConnection) -> Capabilities:
        """Ask a server for everything that it declared to have. Raises what a request raises."""
        return await negotiate(session)

    async def register_server_capabilities(self, name: str, capabilities: Capabilities) -> None:
        """Let a server's tools be those that it offers now."""
        self.tool_registry.register(name, capabilities.tools)

    async def health_check(self, timeout: float = _HEALTH_TIMEOUT) -> dict[str, Health]:
        """Ask all servers at once how they are; it takes `timeout` seconds at most."""
        return await examine(self._keepers.values(), timeout, self.options.wall_clock())

    # Requests -----------------------------------------------------------------------------------

    async def call_tool_with_retry(
        self,
        server_name: str,
        tool_name: str,
        arguments: JsonObject | None = None,
        max_retries: int = 3,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> JsonObject:
        """Call a tool; try up to `max_retries` times more where it failed and repeating it is safe.

        It is for a tool that is read-only or idempotent by its own word, and where the request never left. A result
        with `isError` is a result. Raises `UnknownServer`, `PermissionDenied`, `RequestTimeout` if the time for all
        attempts is over, and what the last attempt raised.
        """
        keeper = self._keeper(server_name)
        tool = self.tool_registry.find(server_name, tool_name)
        await self._permit("tools/call", f"{server_name}/{tool_name}", _about(tool, arguments))

        async def call(session: ClientConnection) -> JsonObject:
            return await session.call_tool(tool_name, arguments, options)

        harmless = tool is not None and tool.repeatable
        began = time.perf_counter()
        success = False
        try:
            result = await self._repeated(keeper, call, harmless, max_retries, "tools/call")
            success = not result.get("isError")
            return result
        finally:
            self.metrics.record_tool_call(f"{server_name}.{tool_name}", time.perf_counter() - began, success)

    async def call_tool(
        self, name: str, arguments: JsonObject | None = None, options: CallOptions = DEFAULT_OPTIONS
    ) -> JsonObject:
        """Call a tool by its name in the registry. Raises `NotOffered` for none, and as `call_tool_with_retry`."""
        tool = self.tool_registry.resolve(name)
        return await self.call_tool_with_retry(tool.server, tool.tool, arguments, options=options)

    async def read_resource(self, server_name: str, uri: str, max_retries: int = 3) -> JsonObject:
        """Read a resource, from the cache where it has not changed since by all that the server tells.

        Raises as `call_tool_with_retry`, and `ResourceNotFound`.
        """
        keeper = self._keeper(server_name)
        await self._permit("resources/read", f"{server_name}/{uri}", {"server": server_name, "uri": uri})
        kept = self.resource_cache.find(server_name, uri)
        if kept is not None:
            return kept

        async def read(session: ClientConnection) -> JsonObject:
            watched = keeper.watcher is not None and await keeper.watcher.watches(uri)
            age = self.resource_cache.age(server_name)
            result = await session.read_resource(uri)
            if watched and not session.revision.caching_hints:
                self.resource_cache.keep(server_name, uri, result, age)
            return result

        began = time.perf_counter()
        success = False
        try:
            result = await self._repeated(keeper, read, True, max_retries, "resources/read")  # noqa: FBT003 - a read
            success = True
            return result
        finally:
            self.metrics.record_resource_access(server_name, time.perf_counter() - began, success)

    async def _repeated(
        self, keeper: Keeper, action: _Action, harmless: bool, max_retries: int, method: str
    ) -> JsonObject:
        """Do something with a connection until it succeeds, or must not or cannot be done again, or time is over."""
        deadline = self.options.deadline
        last: ClientError | None = None
        with anyio.move_on_after(deadline) as scope, hurried(scope) as clock, keeper.stopping(clock):
            for attempt in range(max_retries + 1):
                try:
                    result = await action(await keeper.session())
                except ClientError as error:
                    self._failed(keeper, error)
                    wished = pause_after(error)
                    over = attempt == max_retries or wished > scope.deadline - anyio.current_time()
                    if over or not worth_repeating(error, harmless=harmless):
                        raise
                    last = error
                else:
                    keeper.answered()
                    wished = pause_after(result)
                    over = attempt == max_retries or wished > scope.deadline - anyio.current_time()
                    if over or not wished:
                        return result
                await anyio.sleep(max(wished, self.options.policy.delay(attempt)))
        raise RequestTimeout(method, deadline) from last

    def _failed(self, keeper: Keeper, error: ClientError) -> None:
        keeper.failed(error)
        record_failure(self.metrics, error)

    # What else there is to know -----------------------------------------------------------------

    def _keeper(self, name: str) -> Keeper:
        if name not in self._keepers:
            raise UnknownServer(f"no server is called {name!r}; connected are {', '.join(self._keepers) or 'none'}")
        return self._keepers[name]

    async def _permit(self, operation: str, resource: str, context: dict[str, Any]) -> None:
        gate = self.permission_manager
        if gate is not None and not await gate.request_permission(operation, resource, context):
            raise PermissionDenied(f"{operation} of {resource} was not allowed")

    async def _offers(self, state: ServerState, capabilities: Capabilities) -> None:
        await self.register_server_capabilities(state.config.name, capabilities)

    def _missed(self, server: str, uri: str | None) -> None:
        if uri is None:
            self.resource_cache.forget(server)
        else:
            self.resource_cache.changed(server, uri)

    def _forget(self, keeper: Keeper) -> None:
        name = keeper.state.config.name
        keeper.scope.cancel()
        if self._keepers.get(name) is not keeper:
            return  # somebody else has left it meanwhile, and may have connected to another of that name
        del self._keepers[name]
        self.tool_registry.forget(name)
        self.resource_cache.forget(name)


def _about(tool: RegisteredTool | None, arguments: JsonObject | None) -> dict[str, Any]:
    """Return what whoever is asked for permission should know of a call."""
    read_only = tool is not None and tool.read_only
    about: dict[str, Any] = {"arguments": arguments or {}, "sensitive": not read_only}
    return about | ({"server": tool.server, "tool": tool.tool, "annotations": tool.annotations} if tool else {})
