"""The trace that a request belongs to, told to the server in `_meta` (`basic/index#meta`, W3C Trace Context)."""

from __future__ import annotations

import sys

__all__ = ["trace_context"]

_API = "opentelemetry.trace"


def trace_context() -> dict[str, str]:
    """Return `traceparent`, `tracestate` and `baggage` of the current span, or nothing where there is none.

    A span can be current only in a program that has loaded the OpenTelemetry API, so that no other pays for it.
    """
    if _API not in sys.modules:
        return {}
    from opentelemetry import propagate, trace

    carrier: dict[str, str] = {}
    if trace.get_current_span().get_span_context().is_valid:
        propagate.inject(carrier)
    return carrier
