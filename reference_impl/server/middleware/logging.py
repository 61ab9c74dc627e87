"""A line for each call: what was called by whom, how it went, and how long it took."""

from __future__ import annotations

import json
import logging
import re
import time
from datetime import UTC, datetime
from typing import Any

from reference_impl.server.content import ToolResult
from reference_impl.server.inputs import InputRequired
from reference_impl.server.middleware.base import Handler, Invocation

__all__ = ["CALLS", "JsonLines", "LoggingMiddleware"]

CALLS = "reference_impl.server.calls"
"""The logger."""
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
"""`traceparent` (W3C Trace Context, 3.2)."""

_LONGEST = 500
"""Characters of a name that are told: a URI may be as long as its client likes."""

_logger = logging.getLogger(CALLS)


class LoggingMiddleware:
    """Logs each call with its outcome and time to the logger `reference_impl.server.calls`; arguments stay private.

    Outcomes are `done`, `failed` (an exception, or a result that is an error), `asked` (the client is to answer first)
    and `cancelled`. The record's `call` holds it all as a mapping, with the ids of the client's trace; `JsonLines`
    writes that as JSON.
    """

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that logs."""

        async def logged(invocation: Invocation) -> Any:
            started = time.perf_counter()
            outcome, error = "cancelled", None
            try:
                value = await handler(invocation)
            except InputRequired:
                outcome = "asked"
                raise
            except Exception as failure:
                outcome, error = "failed", type(failure).__name__
                raise
            else:
                outcome = "failed" if isinstance(value, ToolResult) and value.is_error else "done"
                return value
            finally:
                _tell(invocation, outcome, error, (time.perf_counter() - started) * 1000)

        return logged


def _tell(invocation: Invocation, outcome: str, error: str | None, milliseconds: float) -> None:
    if not _logger.isEnabledFor(logging.INFO):
        return
    context, name = invocation.context, invocation.name[:_LONGEST]
    call: dict[str, Any] = {
        "kind": invocation.kind,
        "name": name,
        "outcome": outcome,
        "milliseconds": round(milliseconds, 3),
        "revision": context.revision.name,
        "principal": context.principal,
        "error": error,
    }
    traced = _TRACE.fullmatch(context.trace.get("traceparent", ""))
    if traced is not None:
        call |= {"trace_id": traced[1], "span_id": traced[2]}
    _logger.info("%s %s %s in %.1f ms", invocation.kind, _shown(name), outcome, milliseconds, extra={"call": call})


def _shown(name: str) -> str:
    """Return a name in one line: URIs come from clients."""
    return name if name.isprintable() else ascii(name)


class JsonLines(logging.Formatter):
    """Writes records as JSON, one a line: time, level and logger, and of a call what it was."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        call = getattr(record, "call", None)
        line |= call if isinstance(call, dict) else {"message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value is not None}, ensure_ascii=False)
