"""The tools that conformance suites look for by name (`test_*`)."""

from __future__ import annotations

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.everything.tools import READ_ONLY

__all__ = ["register"]


def register(server: AdvancedMCPServer) -> None:
    """Add the tools of this module."""

    @server.tool("test_simple_text", "Returns a simple text.", annotations=READ_ONLY)
    async def simple_text() -> str:
        return "This is a simple text response for testing."
