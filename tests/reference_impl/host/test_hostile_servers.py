"""Servers whose definitions are rubbish: nothing that they say breaks the planning."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.client.registry import ToolRegistry
from reference_impl.host import Assignment, HostError, MatchingPlanner, Plan, Step
from reference_impl.host.model_planner import _names, _shown

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


_KEYWORDS = [
    "type",
    "enum",
    "anyOf",
    "oneOf",
    "format",
    "required",
    "properties",
    "default",
    "$ref",
    "items",
    "$schema",
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["string", "integer", "array", "path", "x", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYWORDS), inner, max_size=4),
    max_leaves=12,
)
_SCHEMAS = _JSON | st.fixed_dictionaries(
    {"properties": st.dictionaries(st.sampled_from(["path", "text", "count", "id"]), _JSON, max_size=3)},
    optional={"required": _JSON, "type": _JSON},
)
_TOOLS = st.fixed_dictionaries(
    {"name": st.sampled_from(["read_file", "echo", "", " ", "a" * 300, "\x1b[2J"])},
    optional={"inputSchema": _SCHEMAS, "description": _JSON, "title": _JSON, "annotations": _JSON},
)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.lists(_TOOLS, min_size=1, max_size=4))
def test_whatever_tools_look_like_a_request_is_planned_or_refused(tools):
    registry = ToolRegistry()
    registry.register("one", tools)
    planner = MatchingPlanner()
    for request in ('read file "a" x.txt 3 n1', "echo it"):
        coroutine = planner.plan(Assignment(request, registry))
        try:
            coroutine.send(None)
        except StopIteration as done:
            plan = done.value
        except HostError:
            continue
        for tool in registry.values():
            steps = [*plan.steps, Step("other", "one", tool.tool, {"path": {"$from": plan.steps[0].id}, "count": 1})]
            try:
                Plan(tuple(steps)).check(registry)
            except HostError:
                continue
    for name, tool in _names(Assignment("read a file", registry)).items():
        assert len(name) <= 64
        assert isinstance(_shown(name, tool)["schema"], dict)
