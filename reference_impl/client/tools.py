"""Listing and calling tools, with the headers that mirror their arguments (`server/tools`)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from reference_impl.client.errors import InvalidAnswer, NotOffered, RequestFailed
from reference_impl.client.paging import list_all
from reference_impl.client.promises import Promises
from reference_impl.client.requester import Requester
from reference_impl.client.settings import DEFAULT_OPTIONS, CallOptions, JsonObject
from reference_impl.client.tasks import Tasks
from reference_impl.client.tool_headers import argument_fault, schema_fault
from reference_impl.protocol.errors import Code
from reference_impl.protocol.streamable import header_parameters
from reference_impl.protocol.tasks import Task

__all__ = ["Tools"]

_logger = logging.getLogger(__name__)
_LIST = "tools/list"


class Tools:
    """The tools of one server. `mirrors` says that the transport carries arguments in headers."""

    def __init__(self, requester: Requester, tasks: Tasks, *, mirrors: bool) -> None:
        self._requester = requester
        self._tasks = tasks
        self._mirrors = mirrors
        self._schemas: dict[str, Any] = {}
        self._support: dict[str, str] = {}
        self._promises = Promises(requester.caller.settings.compile_schema)
        self._listed = -1

    async def list(self, options: CallOptions = DEFAULT_OPTIONS) -> list[JsonObject]:
        """Return the definitions of all tools but those whose `x-mcp-header` breaks a rule, where headers matter."""
        age = self._requester.cache.age(_LIST)
        tools = await list_all(self._requester, _LIST, options)
        self._listed = age
        if self._mirroring:
            tools = [tool for tool in tools if _usable(tool)]
        named = {str(tool.get("name")): tool for tool in tools}
        # Most tools have nothing that goes into headers, and their calls should not look for it.
        schemas = {name: tool.get("inputSchema") for name, tool in named.items()}
        self._schemas = {name: schema for name, schema in schemas.items() if header_parameters(schema)}
        self._support = {name: _support(tool) for name, tool in named.items()}
        self._promises.take({name: tool.get("outputSchema") for name, tool in named.items()})
        return tools

    @property
    def _mirroring(self) -> bool:
        return self._mirrors and self._requester.agreement.revision.mirrored_headers

    async def call(
        self, name: str, arguments: JsonObject | None = None, options: CallOptions = DEFAULT_OPTIONS
    ) -> JsonObject:
        """Call a tool; return its result, which may say `isError`.

        Where the server misses a header, the definitions are read again and the call is made once more
        (`basic/transports/streamable-http#client-behavior`). Raises `NotOffered` for an argument that no header can
        carry, `InvalidAnswer` for what is no result of a tool, and whatever `Requester.request` raises.
        """
        params: JsonObject = {"name": name, "arguments": arguments or {}}
        if self._support.get(name) == "required" and self._takes_tasks:
            result = await self._as_task(params, options)
        else:
            result = await self._plainly(params, options)
        if not isinstance(result.get("content", []), list):  # it would reach a model (`#security-considerations`)
            raise InvalidAnswer(f"{name}: the content of the result is no array")
        if self._listed == self._requester.cache.age(_LIST):  # tools that have changed since promise something else
            self._promises.check(name, result)
        return result

    async def start(
        self,
        name: str,
        arguments: JsonObject | None = None,
        options: CallOptions = DEFAULT_OPTIONS,
        *,
        ttl: int | None = None,
    ) -> Task | JsonObject:
        """Call a tool as a task; see `ClientConnection.start_tool`."""
        params: JsonObject = {"name": name, "arguments": arguments or {}}
        if not self._requester.agreement.revision.modern:
            await self._may_be_task(name)
            params["task"] = {} if ttl is None else {"ttl": ttl}
        result = await self._request(params, options)
        return self._tasks.created(result) or result

    async def _may_be_task(self, name: str) -> None:
        """Make sure that a legacy server takes the call of a tool as a task. Raises `NotOffered`
        (`basic/utilities/tasks#tool-level-negotiation`)."""
        if self._takes_tasks and name not in self._support:
            await self.list(CallOptions(fresh=True))
        if not self._takes_tasks or self._support.get(name, "forbidden") == "forbidden":
            raise NotOffered(f"{name} cannot be called as a task")

    @property
    def _takes_tasks(self) -> bool:
        agreement = self._requester.agreement
        return agreement.revision.tasks and agreement.offers("tasks.requests.tools.call")

    async def _as_task(self, params: JsonObject, options: CallOptions) -> JsonObject:
        """Call a legacy server's tool as a task and wait for its end; progress is heard of until then."""
        with self._requester.caller.hearing(options.on_progress) as meta:
            quiet = replace(options, on_progress=None, meta={**options.meta, **meta})
            return await self._tasks.made(self._request({**params, "task": {}}, quiet), options)

    async def _plainly(self, params: JsonObject, options: CallOptions) -> JsonObject:
        try:
            return await self._settled(await self._request(params, options), options)
        except RequestFailed as error:
            missed = error.code == Code.HEADER_MISMATCH and self._mirroring
            unlisted = error.code == Code.METHOD_NOT_FOUND and self._takes_tasks and params["name"] not in self._support
            if not missed and not unlisted:
                raise
        await self.list(CallOptions(fresh=True))
        if self._takes_tasks and self._support.get(params["name"]) == "required":
            return await self._as_task(params, options)
        return await self._settled(await self._request(params, options), options)

    async def _settled(self, result: JsonObject, options: CallOptions) -> JsonObject:
        task = self._tasks.created(result)
        return result if task is None else await self._tasks.settle(task, options)

    async def _request(self, params: JsonObject, options: CallOptions) -> JsonObject:
        schema = self._schemas.get(params["name"]) if self._mirroring else None
        for header, path in header_parameters(schema).items() if schema is not None else ():
            fault = argument_fault(_at(params["arguments"], path))
            if fault is not None:
                raise NotOffered(f"{params['name']}: Mcp-Param-{header}: {fault}")
        return await self._requester.request("tools/call", params, options, schema)


def _support(tool: JsonObject) -> str:
    execution = tool.get("execution")
    return str(execution.get("taskSupport", "forbidden")) if isinstance(execution, dict) else "forbidden"


def _usable(tool: JsonObject) -> bool:
    fault = schema_fault(tool.get("inputSchema"))
    if fault is not None:
        _logger.warning("left out the tool %s: %s", tool.get("name"), fault)
    return fault is None


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
