"""Where `x-mcp-header` may stand, and what it may say."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.header_annotations import annotation_flaw, header_parameters, is_secret


def _marked(value: Any = "Region", **members: Any) -> dict[str, Any]:
    return {"type": "string", "x-mcp-header": value, **members}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        _object(a={"type": "string"}),
        _object(a=_marked(), b=_marked("Tenant")),
        _object(a=_object(b=_marked())),
        _object(a=_marked(type="integer")),
        _object(a=_marked(type=["boolean", "null"])),
        _object(a={"anyOf": [{"type": "string"}, {"type": "null"}], "x-mcp-header": "Region"}),
        _object(a={"default": {"x-mcp-header": ""}}),
    ],
)
def test_what_a_client_can_follow_passes(schema: Any) -> None:
    assert annotation_flaw(schema) is None


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (_object(a=_marked("")), "is no token"),
        (_object(a=_marked("Two Words")), "is no token"),
        (_object(a=_marked("Line\nBreak")), "is no token"),
        (_object(a=_marked(1)), "is no token"),
        (_object(a=_marked("A"), b=_marked("a")), "is taken by /properties/a"),
        (_object(a=_marked(type="number")), "of type 'number'"),
        (_object(a=_marked(type=["string", "array"])), "of type 'array'"),
        ({"type": "object", "x-mcp-header": "A"}, "not reached"),
        (_object(a={"type": "array", "items": _marked()}), "not reached"),
        ({"type": "object", "anyOf": [_object(a=_marked())]}, "not reached"),
        ({"type": "object", "if": _object(a=_marked())}, "not reached"),
        ({"type": "object", "$defs": {"a": _marked()}}, "not reached"),
    ],
)
def test_what_a_client_must_reject_is_told(schema: Any, told: str) -> None:
    assert told in str(annotation_flaw(schema))


def test_parameters_that_go_into_headers_are_found_at_any_depth() -> None:
    schema = _object(a=_marked(), b={"type": "string"}, c=_object(d=_marked("Deep")))
    assert [name for name, _ in header_parameters(schema)] == ["a", "d"]


@pytest.mark.parametrize(
    "name", ["password", "userPassword", "api_key", "APIKey", "access-token", "clientSecret", "ssn"]
)
def test_secrets_are_known_by_their_names(name: str) -> None:
    assert is_secret(name, _marked())


@pytest.mark.parametrize("name", ["token", "pageToken", "key", "sortKey", "secretary", "cardNumber", "secretName"])
def test_names_that_only_look_like_secrets_pass(name: str) -> None:
    assert not is_secret(name, _marked())


def test_secrets_are_known_by_what_their_schema_says() -> None:
    assert is_secret("a", _marked(format="password"))
    assert is_secret("a", _marked(writeOnly=True))
