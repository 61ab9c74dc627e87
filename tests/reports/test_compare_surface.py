"""What would break a client that worked, and what would not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reports.compare_surface import compare_surfaces
from reports.records import Advertised, Surface
from reports.schema_changes import narrowings

TEXT = {"type": "string"}


def schema(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def tool(name: str = "search", said: str = "", **changes: Any) -> Advertised:
    facts = {"name": name, "input_schema": schema(("q",), q=TEXT)} | changes
    return Advertised(digest=repr((facts, said)), **facts)


def surface(*tools: Advertised, revision: str = "2025-11-25", **changes: Any) -> Surface:
    return Surface(revision=revision, transport="stdio", tools=tools, **changes)


def changes(before: Surface, after: Surface) -> list[tuple[str, str, bool]]:
    return [(each.subject, each.change, each.breaking) for each in compare_surfaces([before], [after])[1]]


def of_input(before: Any, after: Any) -> list[tuple[str, bool]]:
    found = changes(surface(tool(input_schema=before)), surface(tool(input_schema=after)))
    return [(change, breaking) for _, change, breaking in found]


def of_output(before: Any, after: Any) -> list[tuple[str, bool]]:
    found = changes(surface(tool(output_schema=before)), surface(tool(output_schema=after)))
    return [(change, breaking) for _, change, breaking in found]


NULLABLE = {"anyOf": [TEXT, {"type": "null"}]}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (schema(q=TEXT), schema(("q",), q=TEXT), "argument q is required now"),
        (schema(q=TEXT), schema(("q", "n"), q=TEXT, n=TEXT), "argument q is required now"),
        (schema(q=TEXT), schema(), "argument q removed"),
        (schema(q={"type": "number"}), schema(q={"type": "integer"}), "type narrowed of q: number to integer"),
        (schema(q=NULLABLE), schema(q=TEXT), "type narrowed of q: null or string to string"),
        (schema(q={"enum": ["a", "b"]}), schema(q={"enum": ["a"]}), "values removed of q: 'b'"),
        (schema(q=TEXT), schema(q={**TEXT, "enum": ["a"]}), "values removed of q: all but 'a'"),
        (schema(q=TEXT), schema(q={**TEXT, "maxLength": 9}), "bounded more of q: maxLength none to 9"),
        (schema(q=TEXT), {**schema(q=TEXT), "additionalProperties": False}, "takes no other arguments now"),
        (
            schema(q={"type": "array", "items": schema(x=TEXT)}),
            schema(q={"type": "array", "items": schema(("x",), x=TEXT)}),
            "argument q[].x is required now",
        ),
        (
            {"$defs": {"Q": {"type": "number"}}, **schema(q={"$ref": "#/$defs/Q"})},
            {"$defs": {"Q": TEXT}, **schema(q={"$ref": "#/$defs/Q"})},
            "type narrowed of q: number to string",
        ),
    ],
)
def test_arguments_that_take_less_break(before: Any, after: Any, change: str) -> None:
    assert (change, True) in of_input(before, after)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (schema(q=TEXT), schema(q=TEXT, n=TEXT), "optional argument n added"),
        (schema(("q",), q=TEXT), schema(q=TEXT), "takes more than before of q: required"),
        (schema(q={"type": "integer"}), schema(q={"type": "number"}), "takes more than before of q: type"),
        (schema(q={"enum": ["a"]}), schema(q={"enum": ["a", "b"]}), "takes more than before of q: enum"),
        (schema(q={**TEXT, "title": "Q"}), schema(q={**TEXT, "title": "Query"}), "described otherwise"),
        (schema(q={"not": TEXT}), schema(q={"not": {}}), "changed of q, in a way that is not judged: not"),
    ],
)
def test_arguments_that_take_as_much_or_more_do_not(before: Any, after: Any, change: str) -> None:
    assert of_input(before, after) == [(change, False)]


@pytest.mark.parametrize(
    ("before", "after", "change", "breaking"),
    [
        (schema(("n",), n=TEXT), schema(n=TEXT), "output n is not always there now", True),
        (schema(n=TEXT), schema(n=NULLABLE), "output type widened of n: string to null or string", True),
        (schema(n={"enum": ["a"]}), schema(n={"enum": ["a", "b"]}), "output has new values of n: 'b'", True),
        (schema(n=TEXT), schema(), "output n removed", True),
        (schema(n=TEXT), None, "output schema removed", True),
        (None, schema(n=TEXT), "output schema added", False),
        (schema(n=TEXT), schema(n=TEXT, m=TEXT), "output m added", False),
        (schema(n=NULLABLE), schema(n=TEXT), "output says more than before of n: type", False),
    ],
)
def test_results_that_may_be_more_break(before: Any, after: Any, change: str, breaking: bool) -> None:
    assert (change, breaking) in of_output(before, after)


def test_tools_that_go_or_change_their_name_break_and_new_ones_do_not() -> None:
    before = surface(tool("search"), tool("old", input_schema=schema(x=TEXT)), tool("gone", input_schema=None))
    after = surface(tool("search", said="better words"), tool("young", input_schema=schema(x=TEXT)), tool("new"))
    assert changes(before, after) == [
        ("tool old", "renamed to young", True),
        ("tool gone", "removed", True),
        ("tool search", "described otherwise", False),
        ("tool new", "added", False),
    ]


def test_prompts_capabilities_and_templates_count_and_resources_come_and_go() -> None:
    def item(name: str, **arguments: bool) -> Advertised:
        return Advertised(name=name, digest=repr(arguments), arguments=arguments)

    before = surface(
        capabilities={"tools": {}, "resources": {"subscribe": True}, "logging": {}},
        prompts=(item("review", path=False, tone=False),),
        resources=(item("file:///a"),),
        templates=(item("file:///{path}"),),
    )
    after = surface(
        capabilities={"tools": {"listChanged": True}, "resources": {"subscribe": False}},
        prompts=(item("review", path=True, length=False, depth=True),),
        resources=(item("file:///b"),),
    )
    assert set(changes(before, after)) == {
        ("capability resources.subscribe", "removed", True),
        ("capability logging", "removed", True),
        ("capability tools.listChanged", "added", False),
        ("prompt review", "argument path is required now", True),
        ("prompt review", "argument tone removed", True),
        ("prompt review", "argument depth is required now", True),
        ("prompt review", "optional argument length added", False),
        ("resource template file:///{path}", "removed", True),
        ("resource file:///a", "removed", False),
        ("resource file:///b", "added", False),
    }


def test_the_same_change_at_several_revisions_is_told_once_and_others_are_not_compared() -> None:
    before = [surface(tool("a"), revision=name) for name in ("2025-06-18", "2025-11-25", "2024-11-05")]
    after = [surface(revision=name) for name in ("2025-06-18", "2025-11-25", "2026-07-28")]
    both, (change,) = compare_surfaces(before, after)
    assert both == change.revisions == ("2025-06-18", "2025-11-25")


MEMBER = st.sampled_from(
    [
        *(TEXT, {"type": "integer"}, {"type": "number"}, NULLABLE, {"enum": ["a", 1]}, {"enum": ["a"]}, {"const": 1}),
        *({**TEXT, "minLength": 2}, {**TEXT, "maxLength": 1}, {"type": "array", "items": TEXT}, {"type": "array"}, {}),
        *({"type": "integer", "minimum": 2}, {"type": "number", "maximum": 3}, False, True),
    ]
)
SCHEMAS = st.builds(
    lambda members, required, closed: {
        "type": "object",
        "properties": members,
        "required": sorted(required),
        **({"additionalProperties": False} if closed else {}),
    },
    st.fixed_dictionaries({"a": MEMBER}, optional={"b": MEMBER}),
    st.sets(st.sampled_from(["a", "b"])),
    st.booleans(),
)
VALUES = st.dictionaries(
    st.sampled_from(["a", "b"]), st.sampled_from(["a", "", "long", 1, 2, 3.5, 40, None, [], ["x"], [1], True, {}])
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(SCHEMAS, SCHEMAS, VALUES)
def test_where_nothing_is_narrower_all_that_was_taken_still_is(before: Any, after: Any, value: Any) -> None:
    known = before["properties"]
    value = {name: member for name, member in value.items() if name in known}
    if not list(narrowings(before, after)) and Draft202012Validator(before).is_valid(value):
        assert Draft202012Validator(after).is_valid(value)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(SCHEMAS)
def test_nothing_is_narrower_than_itself(one: Any) -> None:
    assert not list(narrowings(one, one))
    assert not list(narrowings(one, {**one, "description": "other words"}))
