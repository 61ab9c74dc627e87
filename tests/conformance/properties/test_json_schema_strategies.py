from collections.abc import Callable
from typing import Any

import pytest

from conformance.properties.json_schema_document import read
from conformance.properties.json_schema_model import Unsatisfiable
from conformance.properties.json_schema_strategies import Builder

Draw = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"minimum": 0}, {int, float}),
        ({"properties": {}}, {dict}),
        ({"minLength": 1, "items": True}, {str, list}),
        ({"anyOf": [{"maxLength": 1}, {"type": "null"}]}, {str, type(None)}),
    ],
)
def test_keywords_tell_the_type_where_none_is_given(schema: Any, types: set[type], drawn: Draw) -> None:
    assert {type(value) for value in drawn(Builder(read(schema)).root(), 40)} == types


def test_every_branch_is_taken(drawn: Draw) -> None:
    branches = [{"const": number} for number in range(8)]
    for keyword in ("anyOf", "oneOf"):
        assert {*drawn(Builder(read({keyword: branches})).root(), 100)} == {*range(8)}


def test_both_sides_of_a_condition_are_taken(drawn: Draw) -> None:
    schema = {"type": "boolean", "if": {"const": True}, "then": True, "else": True}
    assert {*drawn(Builder(read(schema)).root())} == {True, False}


def test_a_branch_that_cannot_be_satisfied_is_not_taken(drawn: Draw) -> None:
    schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 0}, {"type": "null"}, False]}
    assert {*drawn(Builder(read(schema)).root(), 5)} == {None}


def test_recursion_ends_soon(drawn: Draw) -> None:
    def depth(value: Any) -> int:
        return 1 + max(map(depth, value), default=0)

    document = read({"type": "array", "items": {"$ref": "#"}})
    assert 2 <= max(depth(value) for value in drawn(Builder(document).root(), 100)) <= 4


def test_recursion_goes_as_deep_as_it_must(drawn: Draw) -> None:
    chain: dict[str, Any] = {
        str(number): {"type": "object", "properties": {"n": {"$ref": f"#/$defs/{number + 1}"}}, "required": ["n"]}
        for number in range(5)
    }
    chain["5"] = {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/0"}]}
    value = drawn(Builder(read({"$ref": "#/$defs/0", "$defs": chain})).root(), 1)[0]
    for _ in range(5):
        value = value["n"]
    assert value is None


def test_work_is_bounded() -> None:
    document = read({"anyOf": [{"minimum": number} for number in range(20)]})
    with pytest.raises(Unsatisfiable, match="too many alternatives"):
        Builder(document, work=0).root()
