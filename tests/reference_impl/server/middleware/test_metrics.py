"""Calls counted behind other middleware."""

import pytest

from reference_impl.metrics import ServerMetrics
from reference_impl.server import CachingMiddleware, MetricsMiddleware, ToolError

pytestmark = pytest.mark.anyio


async def test_what_passes_is_counted_and_timed(over_lines, empty_server):
    @empty_server.tool("read", annotations={"readOnlyHint": True})
    async def read() -> str:
        return "done"

    @empty_server.tool("fail")
    async def fail() -> str:
        raise ToolError("no")

    @empty_server.resource("test://{n}")
    async def resource(n: str) -> str:
        return n

    metrics = ServerMetrics()
    empty_server.add_middleware(CachingMiddleware(60))
    empty_server.add_middleware(MetricsMiddleware(metrics))
    async with over_lines(empty_server) as client:
        for _ in range(3):
            await client.modern("tools/call", {"name": "read"})
            await client.modern("tools/call", {"name": "fail"})
        await client.modern("resources/read", {"uri": "test://1"})
    counts = {name: (each.total_calls, each.successful_calls) for name, each in metrics.tool_calls.items()}
    assert counts == {"read": (1, 1), "fail": (3, 0)}
    assert metrics.resource_accesses["test://{n}"].latency.count == 1
    assert metrics.errors.by_class() == {"ToolError": 3}
