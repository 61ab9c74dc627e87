"""Plans: read, and judged before anything runs."""

import json

import pytest

from reference_impl.client.registry import ToolRegistry
from reference_impl.host import Plan, PlanError, Step, read_plan

SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["text"],
    "additionalProperties": False,
}


@pytest.fixture
def registry() -> ToolRegistry:
    made = ToolRegistry()
    made.register("one", [{"name": "echo", "inputSchema": SCHEMA}])
    made.register("two", [])
    return made


def step(name: str, arguments=None, after=(), server="one", tool="echo") -> Step:
    return Step(name, server, tool, {"text": "x"} if arguments is None else arguments, after)


def test_a_step_waits_for_what_it_refers_to_and_what_it_names():
    plan = Plan((step("a"), step("b"), step("c", {"text": {"$from": "a"}}, ("b",))))
    assert plan.steps[2].needs == {"a", "b"}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([step("a"), step("a")], "two steps have the id 'a'"),
        ([step("a b")], "'a b' is no id"),
        ([step("a", {"text": {"$from": "z"}})], "step a: there is no step 'z' to wait for"),
        ([step("a", after=("b",)), step("b", {"text": {"$from": "a"}})], "wait for each other"),
        ([step("a", after=("a",))], "wait for each other: a -> a"),
        ([step(str(number)) for number in range(101)], "100 steps at most"),
    ],
)
def test_a_plan_that_cannot_end_is_none(steps, said):
    with pytest.raises(PlanError, match=said):
        Plan(tuple(steps))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (step("a", server="three"), "step a: server 'three': it has no tools here"),
        (step("a", tool="shout"), "server 'one': there is no tool 'shout'; there are echo"),
        (step("a", {}), 'step a: one/echo: "text" is a required property'),
        (step("a", {"text": 1}), "one/echo: text: 1 is not of type"),
        (step("a", {"text": "x", "loud": True}), "loud"),
        (step("a", {"count": {"$from": "ok"}}), "'text' is a required property"),
        (step("a", {"text": "\ud800"}), "cannot be written as JSON"),
        (step("a", {"text": {"$from": "ok"}, "loud": 1}), "it has no parameter 'loud'"),
        (step("a", {"text": {"$from": "ok"}, "count": "many"}), 'count: "many" is not of type'),
    ],
)
def test_a_plan_is_held_against_the_tools_before_anything_runs(registry, bad, said):
    with pytest.raises(PlanError, match=said):
        Plan((step("ok"), bad)).check(registry)


def test_a_reference_may_become_anything(registry):
    Plan((step("ok"), step("a", {"text": {"$from": "ok"}, "count": {"$from": "ok"}}))).check(registry)


def test_plans_are_read_from_json_and_toml(tmp_path):
    steps = [{"id": "a", "server": "one", "tool": "echo", "arguments": {"text": "x"}}]
    (tmp_path / "plan.json").write_text(json.dumps({"steps": steps}))
    (tmp_path / "list.json").write_text(json.dumps(steps))
    (tmp_path / "plan.toml").write_text('[[steps]]\nid = "a"\nserver = "one"\ntool = "echo"\narguments.text = "x"\n')
    plans = [read_plan(tmp_path / name) for name in ("plan.json", "list.json", "plan.toml")]
    assert plans == [Plan((step("a"),))] * 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.json", "{", "no JSON"),
        ("p.toml", "[", "no TOML"),
        ("p.json", "{}", "missing required field 'steps'"),
        ("p.json", '{"steps": []}', "the plan has no steps"),
        ("p.json", '[{"id": "a", "server": "s"}]', "missing required field 'tool'"),
        ("p.json", '[{"id": "a", "server": "s", "tool": "t", "args": {}}]', "unknown field 'args'"),
        ("p.json", "[" * 100_000, "no JSON"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_in_one_line(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(PlanError, match=said) as caught:
        read_plan(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(PlanError, match=r"nowhere\.json: no such file"):
        read_plan("nowhere.json")
