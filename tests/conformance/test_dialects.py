"""Schemas in their dialects: what is wrong with them, where they refer to, what fits."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.dialects import dangling, dialect, flaw, is_network, misfit

_07 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        True,
        {"$schema": _07, "items": [{"type": "string"}]},
        {"$schema": "https://example.com/dialect", "type": "strange"},
        {"pattern": r"^\p{Letter}$"},
    ],
)
def test_what_its_own_dialect_allows_is_no_flaw(schema: Any) -> None:
    assert flaw(schema) is None


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"type": "strange"}}}, "/properties/a/type"),
        ({"items": [{"type": "string"}]}, "/items"),
        ({"required": "a"}, "/required"),
        (None, "the root"),
    ],
)
def test_a_flaw_is_told_with_its_place(schema: Any, place: str) -> None:
    assert str(flaw(schema)).startswith(place)


def test_a_foreign_dialect_has_no_validator() -> None:
    assert dialect({"$schema": "https://example.com/dialect"}) is None
    assert dialect({"$schema": _07}) is not dialect({})


def test_references_resolve_by_pointer_anchor_and_identifier() -> None:
    schema = {
        "$id": "https://example.com/tool",
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#named"}, "c": {"$ref": "other"}, "d": {"$ref": "#"}},
        "$defs": {"A": {}, "B": {"$anchor": "named"}, "C": {"$id": "other"}},
    }
    assert list(dangling(schema)) == []


def test_references_that_lead_nowhere_are_named() -> None:
    schema = {"properties": {"a": {"$ref": "#/$defs/gone"}, "b": {"$ref": "https://example.com/x"}}}
    assert list(dangling(schema)) == ["#/$defs/gone", "https://example.com/x"]


def test_what_only_looks_like_a_reference_is_data() -> None:
    assert list(dangling({"default": {"$ref": "#/nowhere"}, "const": {"$ref": "#/nowhere"}})) == []


def test_published_meta_schemas_need_no_network() -> None:
    assert list(dangling({"properties": {"schema": {"$ref": _07}}})) == []


@pytest.mark.parametrize(
    ("reference", "answer"), [("https://a/b", True), ("//a/b", True), ("#/a", False), ("a", False)]
)
def test_network_references_name_a_host(reference: str, answer: bool) -> None:
    assert is_network(reference) is answer


def test_a_misfit_is_told_with_its_place() -> None:
    assert misfit({"properties": {"a": {"type": "integer"}}}, {"a": 1.0}) is None
    assert str(misfit({"properties": {"a": {"type": "integer"}}}, {"a": "1"})).startswith("/a")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/x"},
        {"pattern": r"^\p{Letter}$"},
        {"$ref": "#"},
        {"type": "strange"},
        {"$schema": "https://example.com/dialect", "type": "integer"},
    ],
)
def test_what_nobody_can_judge_is_no_misfit(schema: Any) -> None:
    assert misfit(schema, "text") is None
