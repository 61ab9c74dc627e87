"""The everything server's tools that run as tasks."""

import pytest

from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY
from reference_impl.servers.everything import make_server

SUPPORT = {
    "greet": "forbidden",
    "ask_at_leisure": "forbidden",
    "slow_compute": "optional",
    "confirm_delete": "optional",
    "multi_input": "optional",
    "failing_job": "required",
    "protocol_error_job": "required",
    "test_tool_with_task": "required",
}


@pytest.mark.parametrize(("tool", "support"), SUPPORT.items())
def test_the_tools_that_suites_look_for_say_whether_they_run_as_tasks(tool, support):
    server = make_server()
    assert server.tools[tool].task_support == support
    legacy = {item["name"]: item.get("execution") for item in server.listing("tools", LATEST_LEGACY)}
    assert legacy[tool] == (None if support == "forbidden" else {"taskSupport": support})
    assert not any("execution" in item for item in server.listing("tools", LATEST))


def test_one_tool_asks_before_it_becomes_a_task():
    assert make_server().tools["test_tool_with_task"].begins == "handler"
