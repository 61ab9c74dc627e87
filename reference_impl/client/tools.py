"""Listing and calling tools, with the headers that mirror their arguments (`server/tools`)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from reference_impl.client.errors import InvalidAnswer, NotOffered, RequestFailed
from reference_impl.client.paging import list_all
from reference_impl.client.requester import Requester
from reference_impl.client.settings import DEFAULT_OPTIONS, CallOptions, JsonObject, Judge
from reference_impl.client.tool_headers import argument_fault, schema_fault
from reference_impl.protocol.errors import Code
from reference_impl.protocol.streamable import header_parameters

__all__ = ["Tools"]

_logger = logging.getLogger(__name__)


class Tools:
    """The tools of one server. `mirrors` says that the transport carries arguments in headers."""

    def __init__(self, requester: Requester, *, mirrors: bool) -> None:
        self._requester = requester
        self._mirrors = mirrors
        self._schemas: dict[str, Any] = {}
        self._judges: dict[str, Judge] = {}

    async def list(self, options: CallOptions = DEFAULT_OPTIONS) -> list[JsonObject]:
        """Return the definitions of all tools but those whose `x-mcp-header` breaks a rule, where headers matter."""
        tools = await list_all(self._requester, "tools/list", options)
        if self._mirroring:
            tools = [tool for tool in tools if _usable(tool)]
        self._schemas = {str(tool.get("name")): tool.get("inputSchema") for tool in tools}
        self._judges = self._compiled(tools)
        return tools

    def _compiled(self, tools: Iterable[JsonObject]) -> dict[str, Judge]:
        """Return the judges of the tools' results; a tool whose schema cannot be judged by has none."""
        compile_schema = self._requester.caller.settings.compile_schema
        judges: dict[str, Judge] = {}
        for tool in tools if compile_schema is not None else ():
            schema = tool.get("outputSchema")
            try:
                if isinstance(schema, dict) and compile_schema is not None:
                    judges[str(tool.get("name"))] = compile_schema(schema)
            except ValueError as error:
                _logger.warning("the output schema of %s is of no use: %s", tool.get("name"), error)
        return judges

    @property
    def _mirroring(self) -> bool:
        return self._mirrors and self._requester.agreement.revision.mirrored_headers

    async def call(
        self, name: str, arguments: JsonObject | None = None, options: CallOptions = DEFAULT_OPTIONS
    ) -> JsonObject:
        """Call a tool; return its result, which may say `isError`.

        Where the server misses a header, the definitions are read again and the call is made once more
        (`basic/transports/streamable-http#client-behavior`). Raises `NotOffered` for an argument that no header can
        carry, and whatever `Requester.request` raises.
        """
        params: JsonObject = {"name": name, "arguments": arguments or {}}
        try:
            return await self._call(params, options)
        except RequestFailed as error:
            if error.code != Code.HEADER_MISMATCH or not self._mirroring:
                raise
        await self.list(CallOptions(fresh=True))
        return await self._call(params, options)

    async def _call(self, params: JsonObject, options: CallOptions) -> JsonObject:
        schema = self._schemas.get(params["name"]) if self._mirroring else None
        for header, path in header_parameters(schema).items():
            fault = argument_fault(_at(params["arguments"], path))
            if fault is not None:
                raise NotOffered(f"{params['name']}: Mcp-Param-{header}: {fault}")
        result = await self._requester.request("tools/call", params, options, schema)
        self._check(params["name"], result)
        return result

    def _check(self, name: str, result: JsonObject) -> None:
        """Hold a result against the tool's output schema. Raises `InvalidAnswer`; an error is held to no schema."""
        judge = self._judges.get(name)
        if judge is None or result.get("isError") is True:
            return
        if "structuredContent" not in result:
            raise InvalidAnswer(f"{name}: the result lacks the structured content that its output schema promises")
        fault = judge(result["structuredContent"])
        if fault is not None:
            raise InvalidAnswer(f"{name}: the structured content breaks the tool's output schema: {fault}")


def _usable(tool: JsonObject) -> bool:
    fault = schema_fault(tool.get("inputSchema"))
    if fault is not None:
        _logger.warning("left out the tool %s: %s", tool.get("name"), fault)
    return fault is None


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
