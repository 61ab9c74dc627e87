"""The everything server: each feature of the protocol once, in both eras, for tests and for reading.

`python -m reference_impl.servers.everything [--transport stdio|http] [--host HOST] [--port PORT]`
"""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, ServerOptions, TaskOptions
from reference_impl.servers.everything import asking, content, fixtures, prompts, resources, rounds, tasks, tools

__all__ = ["make_server"]

_INSTRUCTIONS = (
    "A server for tests: every tool does one small, predictable thing. Start with `echo`; `slow` reports progress, "
    "`fail` fails, `ask` asks the user. Nothing here touches the machine it runs on."
)


def make_server(metrics: Any = None) -> AdvancedMCPServer:
    """Return a fresh everything server. `metrics` as in `AdvancedMCPServer`."""
    pages = {"prompts/list": 5, "resources/list": 10, "resources/templates/list": 2}
    options = ServerOptions(pages=pages, tasks=TaskOptions(poll_interval_ms=200))
    server = AdvancedMCPServer("everything", "1.0.0", instructions=_INSTRUCTIONS, options=options, metrics=metrics)
    for part in (tools, content, asking, resources, prompts, fixtures, rounds, tasks):
        part.register(server)
    return server
