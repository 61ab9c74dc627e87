"""A quick look at whether a value fits a JSON Schema: a yes is certain, a no means that somebody has to look closely.

Schemas are compiled into plain functions once. Keywords that are rare, or that validators read differently, are left
to those: where one is met, nothing is accepted. Hundreds of times as fast as a validator that explains what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Accepts", "acceptor"]

Accepts: TypeAlias = Callable[[Any], bool]

_SILENT = frozenset(
    (
        *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema"),
        *("$defs", "definitions", "nullable"),
    )
)
"""Keywords that say nothing of a value by themselves."""
_FORMS = frozenset({"format", "contentEncoding", "contentMediaType", "pattern"})
"""Keywords on the form of a text, which some assert and others do not, or read differently."""
_IS: dict[str, Accepts] = {
    "string": lambda value: isinstance(value, str),
    # 1.0 is an integer at some revisions of JSON Schema only.
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_BOUNDS: dict[str, tuple[Accepts, Callable[[Any, Any], bool]]] = {
    "minimum": (_IS["number"], lambda value, bound: value >= bound),
    "maximum": (_IS["number"], lambda value, bound: value <= bound),
    "exclusiveMinimum": (_IS["number"], lambda value, bound: value > bound),
    "exclusiveMaximum": (_IS["number"], lambda value, bound: value < bound),
    "minLength": (_IS["string"], lambda value, bound: len(value) >= bound),
    "maxLength": (_IS["string"], lambda value, bound: len(value) <= bound),
    "minItems": (_IS["array"], lambda value, bound: len(value) >= bound),
    "maxItems": (_IS["array"], lambda value, bound: len(value) <= bound),
    "minProperties": (_IS["object"], lambda value, bound: len(value) >= bound),
    "maxProperties": (_IS["object"], lambda value, bound: len(value) <= bound),
}
_MEMBERS = frozenset({"properties", "required", "additionalProperties"})
_KNOWN = _SILENT | _BOUNDS.keys() | _MEMBERS | {"type", "enum", "const", "items", "allOf", "anyOf", "$ref"}


def acceptor(schema: Any, *, forms: bool = True) -> Accepts:
    """Return the function that says whether a value certainly fits a valid schema of 2020-12, 2019-09 or draft-07.

    With `forms` a `format` is an annotation and a `pattern` Python's, as `conformance.dialects` has it; without, no
    text is accepted where a schema speaks of its form.
    """
    compiled = _Compiler(schema, forms=forms).compiled(schema)

    def accepts(value: Any) -> bool:
        try:
            return compiled(value)
        except RecursionError:
            return False

    return accepts


def _never(_: Any) -> bool:
    return False


def _always(_: Any) -> bool:
    return True


def _any(tests: list[Accepts]) -> Accepts:
    return lambda value: any(test(value) for test in tests)


class _Compiler:
    def __init__(self, root: Any, *, forms: bool) -> None:
        self._root = root
        self._forms = forms
        self._referred: dict[str, list[Accepts]] = {}

    def compiled(self, schema: Any) -> Accepts:
        if isinstance(schema, bool):
            return _always if schema else _never
        if not isinstance(schema, dict):
            return _never
        if any(not name.startswith("x-") for name in schema.keys() - _KNOWN - _FORMS):
            return _never
        tests = [*self._simple(schema), *self._of_text(schema), *self._composed(schema)]
        if _MEMBERS & schema.keys():
            tests.append(self._members(schema))
        if not tests:
            return _always
        if len(tests) == 1:
            return tests[0]
        return lambda value: all(test(value) for test in tests)

    def _simple(self, schema: dict[str, Any]) -> list[Accepts]:
        tests = []
        if "type" in schema:
            named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            kinds = [_IS[name] for name in named if name in _IS]
            tests.append(kinds[0] if len(kinds) == 1 else _any(kinds))
        tests += [_bounded(*_BOUNDS[name], schema[name]) for name in _BOUNDS.keys() & schema.keys()]
        if "enum" in schema or "const" in schema:
            if "enum" in schema and "const" in schema:
                return [_never]
            listed = schema["enum"] if "enum" in schema else [schema["const"]]
            alike = frozenset((type(value), value) for value in listed if not isinstance(value, list | dict | float))
            tests.append(lambda value: not isinstance(value, list | dict) and (type(value), value) in alike)
        return tests

    def _of_text(self, schema: dict[str, Any]) -> list[Accepts]:
        if not _FORMS & schema.keys():
            return []
        if not self._forms:
            return [lambda value: not isinstance(value, str)]
        try:
            find = re.compile(schema.get("pattern", "")).search
        except re.error:
            return [_never]
        return [lambda value: not isinstance(value, str) or find(value) is not None]

    def _composed(self, schema: dict[str, Any]) -> list[Accepts]:
        tests = [self.compiled(part) for part in schema.get("allOf", ())]
        if "anyOf" in schema:
            tests.append(_any([self.compiled(part) for part in schema["anyOf"]]))
        if "items" in schema:
            item = self.compiled(schema["items"])
            tests.append(lambda value: not isinstance(value, list) or all(item(each) for each in value))
        if "$ref" in schema:
            tests.append(self._reference(schema["$ref"]))
        return tests

    def _members(self, schema: dict[str, Any]) -> Accepts:
        known = {name: self.compiled(part) for name, part in schema.get("properties", {}).items()}
        other = self.compiled(schema.get("additionalProperties", True))
        required = frozenset(schema.get("required", ()))

        def fits(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            return required <= value.keys() and all(known.get(name, other)(each) for name, each in value.items())

        return fits

    def _reference(self, reference: Any) -> Accepts:
        """Follow a reference once, and when it is needed: it may lead back to where it stands."""
        if reference not in self._referred:
            waiting = self._referred[reference] = list[Accepts]()
            waiting.append(self.compiled(self._found(reference)))
        compiled = self._referred[reference]
        return lambda value: compiled[0](value)  # noqa: PLW0108 - it may be empty until all is compiled

    def _found(self, reference: Any) -> Any:
        place, _, name = str(reference).rpartition("/")
        if reference == "#":
            return self._root
        if place not in ("#/$defs", "#/definitions") or re.search("[~%]", name):
            return False
        return self._root.get(place[2:], {}).get(name, False)


def _bounded(concerns: Accepts, holds: Callable[[Any, Any], bool], bound: Any) -> Accepts:
    if isinstance(bound, bool):  # draft-04
        return _never
    return lambda value: not concerns(value) or holds(value, bound)
