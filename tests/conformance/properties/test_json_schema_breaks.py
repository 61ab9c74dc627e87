from typing import Any

import pytest

from conformance.properties.json_schema_breaks import Break, breaks, confirmed, put
from conformance.properties.json_schema_document import read


@pytest.mark.parametrize(
    ("path", "expected"),
    [((), 0), (("a",), {"a": 0}), (("a", 1, "b"), {"a": [1, {"b": 0}]}), (("c",), {"a": [1, {"b": 2}], "c": 0})],
)
def test_a_value_is_put_in_place_without_touching_the_instance(path: Any, expected: Any) -> None:
    instance = {"a": [1, {"b": 2}]}
    assert put(instance, path, 0) == expected
    assert instance == {"a": [1, {"b": 2}]}


def test_a_break_that_another_branch_takes_is_not_confirmed() -> None:
    document = read({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "integer", "maximum": -1}]})
    assert not confirmed(document, Break((), "minimum", "", -1), -1)
    assert confirmed(document, Break((), "type", "", []), [])


def test_a_break_elsewhere_is_not_confirmed() -> None:
    document = read({"properties": {"a": {"type": "null"}, "b": {"type": "null"}}})
    assert not confirmed(document, Break(("a",), "type", "", 1), {"b": 1})


def test_every_member_and_item_offers_its_breaks() -> None:
    schema = {"properties": {"a": {"items": {"$ref": "#/$defs/n"}}}, "$defs": {"n": {"type": "integer", "maximum": 5}}}
    document = read(schema)
    found = {(way.path, way.keyword) for way in breaks(document.root, {"a": [1, 2]}, document)}
    assert {(("a", 0), "maximum"), (("a", 1), "maximum"), (("a", 1), "type")} <= found
