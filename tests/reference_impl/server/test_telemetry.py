"""OpenTelemetry reads the metrics."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from reference_impl.metrics import ServerMetrics
from reference_impl.server.telemetry import observe


def test_what_the_metrics_know_is_observed_whenever_it_is_collected():
    metrics, reader = ServerMetrics(clock=iter((0.0, 5.0, 6.0)).__next__), InMemoryMetricReader()
    observe(metrics, MeterProvider([reader]).get_meter("test"))
    metrics.record_tool_call("t", 0.25, success=True)
    metrics.record_tool_call("t", 0.25, success=False)
    metrics.record_resource_access("test://{n}", 0.5)
    metrics.record_error("ToolError", "t")
    data = reader.get_metrics_data()
    (scope,) = data.resource_metrics[0].scope_metrics
    found = {
        (metric.name, *point.attributes.values()): point.value
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert found["mcp.server.tool.calls", "t", "success"] == found["mcp.server.tool.calls", "t", "failure"] == 1
    assert found["mcp.server.tool.calls.duration", "t", 99] == 0.25
    assert found["mcp.server.resource.reads", "test://{n}", "success"] == 1
    assert found["mcp.server.errors", "ToolError", "t"] == 1
    assert found[("mcp.server.uptime",)] == 5.0
