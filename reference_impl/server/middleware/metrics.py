"""Calls counted and timed, apart from what the server counts itself."""

from __future__ import annotations

import time
from typing import Any

from reference_impl.metrics import ServerMetrics
from reference_impl.server.content import ToolResult
from reference_impl.server.inputs import InputRequired
from reference_impl.server.middleware.base import Handler, Invocation

__all__ = ["MetricsMiddleware"]


class MetricsMiddleware:
    """Records what passes here into `metrics`: tools by name, resources by template, failures by the exception's name.

    `AdvancedMCPServer(metrics=...)` counts every call already, refused ones among them. This one, put behind others,
    counts what these let through, such as the calls that a cache could not answer.
    """

    def __init__(self, metrics: ServerMetrics) -> None:
        self._metrics = metrics

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that is measured."""

        async def measured(invocation: Invocation) -> Any:
            started = time.perf_counter()
            try:
                value = await handler(invocation)
            except InputRequired:
                raise  # not over yet
            except Exception as error:
                self._record(invocation, time.perf_counter() - started, success=False)
                self._metrics.record_error(type(error).__name__, invocation.label)
                raise
            success = not (isinstance(value, ToolResult) and value.is_error)
            self._record(invocation, time.perf_counter() - started, success=success)
            return value

        return measured

    def _record(self, invocation: Invocation, seconds: float, *, success: bool) -> None:
        if invocation.kind == "tool":
            self._metrics.record_tool_call(invocation.name, seconds, success)
        elif invocation.kind == "resource":
            self._metrics.record_resource_access(invocation.label, seconds, success)
