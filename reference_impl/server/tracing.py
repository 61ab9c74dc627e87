"""The trace that a request belongs to: told by the client in `_meta`, continued in this process where OpenTelemetry is
loaded (`basic/index#meta`, W3C Trace Context)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from reference_impl.server.middleware import Handler, Invocation

__all__ = ["trace_context", "traced"]

_API = "opentelemetry.trace"
_KEYS = ("traceparent", "tracestate", "baggage")
_LONGEST = 8192
"""Characters of a value that is taken: what W3C Baggage asks everybody to bear."""
_LONGEST_NAME = 1024
_ATTRIBUTES = {
    "tool": "gen_ai.tool.name",
    "resource": "mcp.resource.uri",
    "prompt": "gen_ai.prompt.name",
    "completion": "mcp.completion.ref",
}


def trace_context(params: dict[str, Any] | None) -> dict[str, str]:
    """Return what `params._meta` says of the trace; what is malformed says nothing."""
    meta = (params or {}).get("_meta")
    if not isinstance(meta, dict):
        return {}
    found = ((key, meta.get(key)) for key in _KEYS)
    return {key: value for key, value in found if isinstance(value, str) and len(value) <= _LONGEST}


def traced(handler: Handler) -> Handler:
    """Return a handler whose calls are spans, children of the client's.

    Only in a program that has loaded the OpenTelemetry API before its first call; no other pays for it. Names and
    attributes are those of OpenTelemetry's conventions for MCP; arguments and results are nobody's business.
    """
    if _API not in sys.modules:
        return handler
    from opentelemetry import propagate
    from opentelemetry.trace import SpanKind, get_tracer

    from reference_impl.server.content import ToolResult
    from reference_impl.server.inputs import InputRequired

    tracer = get_tracer("reference_impl.server")

    async def with_span(invocation: Invocation) -> Any:
        context = invocation.context
        parent = propagate.extract(context.trace) if context.trace else None
        with tracer.start_as_current_span(
            _name(invocation),
            context=parent,
            kind=SpanKind.SERVER,
            attributes=_attributes(invocation),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                value = await handler(invocation)
            except InputRequired:
                raise  # no failure: the client is asked something
            except Exception as error:
                _fail(span, type(error).__name__, getattr(error, "code", None))
                raise
            if isinstance(value, ToolResult) and value.is_error:
                _fail(span, "tool_error")
            return value

    return with_span


def _fail(span: Span, kind: str, code: object = None) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, kind))
    span.set_attribute("error.type", kind)
    if isinstance(code, int):
        span.set_attribute("rpc.response.status_code", str(int(code)))


def _name(invocation: Invocation) -> str:
    return f"{invocation.method} {invocation.label}"


def _attributes(invocation: Invocation) -> dict[str, str]:
    key = _ATTRIBUTES[invocation.kind]
    operation = {"gen_ai.operation.name": "execute_tool"} if invocation.kind == "tool" else {}
    return {
        "mcp.method.name": invocation.method,
        "mcp.protocol.version": invocation.context.revision.name,
        "jsonrpc.request.id": str(invocation.context.request_id)[:_LONGEST_NAME],
        key: invocation.name[:_LONGEST_NAME],
        **operation,
    }
