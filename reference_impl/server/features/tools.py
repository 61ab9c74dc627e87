"""`tools/list` and `tools/call` (`server/tools`)."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.revisions import Revision
from reference_impl.schemas import Validator
from reference_impl.server.content import ToolResult, adapt, text, to_result
from reference_impl.server.context import Context
from reference_impl.server.definitions import Tool
from reference_impl.server.errors import ToolError, worth_a_trace
from reference_impl.server.exchange import Exchange
from reference_impl.server.features.tasks import as_task
from reference_impl.server.inputs import InputRequired, Inputs
from reference_impl.server.middleware import Invocation
from reference_impl.server.pagination import page
from reference_impl.server.scopes import visible

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["call_tool", "list_tools"]

_logger = logging.getLogger("reference_impl.server")


async def list_tools(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Return one page of tools, in the order of their registration."""
    return page("tools/list", visible(server, "tools", exchange.revision), params, server.page_size("tools/list"))


async def call_tool(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Call a tool; its failures are results, the protocol's are errors (`server/tools#error-handling`)."""
    tool, arguments = _target(server, params)
    if tool.task_support != "forbidden" or "task" in params:
        task = await as_task(server, exchange, tool, params)
        if task is not None:
            return task
    wrong = tool.validate(arguments)
    if wrong is not None:
        return _bad_arguments(tool, wrong, exchange)
    inputs = Inputs.of(exchange, server.seal)
    started = time.perf_counter()
    try:
        value = await server.invoke(Invocation("tool", tool.name, tool, arguments, Context(server, exchange, inputs)))
        result = to_result(value, structured=tool.validate_output is not None)
        if tool.validate_output is not None and not result.is_error:
            _check_output(tool, tool.validate_output, result)
    except InputRequired as required:
        return inputs.result(required, exchange, server.seal)
    except RemoteProtocolError:
        server.record_tool_call(tool.name, time.perf_counter() - started, success=False)
        raise
    except Exception as error:  # noqa: BLE001 - where any exception becomes a wire error (design rule 5)
        words = _report(server, tool, error)
        result = ToolResult([text(words)], is_error=True, meta=getattr(error, "meta", None))
    server.record_tool_call(tool.name, time.perf_counter() - started, success=not result.is_error)
    wire = _on_wire(result, exchange)
    return {name: server.secrets.values(value) for name, value in wire.items()} if result.is_error else wire


def _report(server: AdvancedMCPServer, tool: Tool, error: Exception) -> str:
    words = server.told(error)
    server.record("record_error", type(error).__name__, tool.name, words)
    if not isinstance(error, ToolError):
        _logger.warning("tool %s failed: %s", tool.name, words, exc_info=worth_a_trace(error))
    return words


def _target(server: AdvancedMCPServer, params: dict[str, Any]) -> tuple[Tool, dict[str, Any]]:
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: name must be a string")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: arguments must be an object")
    tool = server.tools.get(name)
    if tool is None:
        raise RemoteProtocolError(Code.INVALID_PARAMS, f"Unknown tool: {name}")
    return tool, arguments


def _bad_arguments(tool: Tool, wrong: str, exchange: Exchange) -> dict[str, Any]:
    message = f"Invalid arguments for tool {tool.name}: {wrong}"
    if not exchange.revision.argument_errors_are_results:
        raise RemoteProtocolError(Code.INVALID_PARAMS, message)
    return {"content": [text(message)], "isError": True}


def _check_output(tool: Tool, judge: Validator, result: ToolResult) -> None:
    wrong = "no structured content" if result.structured is ... else judge(result.structured)
    if wrong is not None:
        message = f"the output of {tool.name} does not fit its schema: {wrong}"
        raise RuntimeError(message)


def _on_wire(result: ToolResult, exchange: Exchange) -> dict[str, Any]:
    revision = exchange.revision
    wire: dict[str, Any] = {"content": adapt(result.content, revision)}
    if result.structured is not ... and _takes(revision, result.structured):
        wire["structuredContent"] = result.structured
    if result.is_error:
        wire["isError"] = True
    if result.meta is not None:
        wire["_meta"] = dict(result.meta)
    return wire


def _takes(revision: Revision, structured: Any) -> bool:
    return revision.structured_output and (revision.any_structured_content or isinstance(structured, dict))
