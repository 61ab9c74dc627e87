"""Schemas of an OpenAPI document as JSON Schema 2020-12 that stands by itself.

References are replaced by what they name, except where that would never end (a tree of nodes) or grow too large: these
go to `$defs`. OpenAPI 3.0 has a dialect of its own (`nullable`, `exclusiveMinimum: true`), which is translated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from reference_impl.servers.gateway.document import Document, DocumentError
from reference_impl.servers.gateway.texts import cleaned

__all__ = ["Direction", "Schema", "translated"]

Schema = dict[str, Any]
Direction = Literal["request", "response"]

_MOST_INLINE = 1_500
_MOST_NODES = 20_000
_DEEPEST = 60

_ONE = frozenset(
    {"not", "items", "contains", "additionalProperties", "propertyNames", "if", "then", "else"}
    | {"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_TEXTS = frozenset({"title", "description"})
_PLAIN = frozenset(
    {"type", "enum", "const", "default", "format", "pattern", "required", "examples", "deprecated"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"}
    | {"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "minContains", "maxContains"}
    | {"dependentRequired", "contentEncoding", "contentMediaType"}
)
_SAYING = _TEXTS | {"default", "examples", "deprecated"}
"""Keywords that judge nothing: beside a reference they may take the place of the target's."""
_ELSEWHERE = ("$dynamicRef", "$recursiveRef", "$id")
_HIDDEN: dict[Direction, str] = {"request": "readOnly", "response": "writeOnly"}
"""Which members are not there, by direction (OpenAPI 3, Schema Object)."""


class _TooLargeError(Exception):
    """Written out, the schema is larger than it may be."""


def translated(document: Document, direction: Direction, make: Callable[[Callable[[Any], Any]], Schema]) -> Schema:
    """Return the schema that `make` makes of translated ones, with the `$defs` that they need.

    `make` is given the function that translates one schema; it is called several times, until nothing more must go to
    `$defs`. Raises `DocumentError` for what has no translation.
    """
    named: set[str] = set()
    try:
        while True:
            attempt = _Translation(document, direction, _MOST_INLINE, named)
            schema = attempt.whole(make)
            if not attempt.endless:
                return schema
            named |= attempt.endless
    except _TooLargeError:
        pass
    try:
        return _Translation(document, direction, _MOST_NODES, None).whole(make)
    except _TooLargeError:
        raise DocumentError(f"its schema holds more than {_MOST_NODES} parts, or is nested too deep") from None


class _Translation:
    """One attempt: `named` are the references that go to `$defs`; None is all of them."""

    def __init__(self, document: Document, direction: Direction, most: int, named: set[str] | None) -> None:
        self._document = document
        self._hidden = _HIDDEN[direction]
        self._left = most
        self._named = named
        self._keys: dict[str, str] = {}
        self._open: list[str] = []
        self._depth = 0
        self.endless: set[str] = set()

    def whole(self, make: Callable[[Callable[[Any], Any]], Schema]) -> Schema:
        schema = make(self.schema)
        defs: dict[str, Any] = {}
        while len(defs) < len(self._keys):
            for reference, key in list(self._keys.items()):
                if key not in defs:
                    defs[key] = self.schema(self._document.target(reference))
        return {**schema, "$defs": defs} if defs else schema

    def schema(self, node: Any) -> Any:
        """Translate one schema, and what is in it."""
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            raise DocumentError("one of its schemas is no object")
        self._left -= 1
        self._depth += 1
        if self._left < 0 or self._depth > _DEEPEST:
            raise _TooLargeError
        for keyword in _ELSEWHERE:
            if keyword in node:
                raise DocumentError(f"one of its schemas uses {keyword}, which is not supported")
        made = self._referring(node) if "$ref" in node else self._members(node)
        self._depth -= 1
        return _nullable(made) if node.get("nullable") is True and self._document.old else made

    def _referring(self, node: Schema) -> Schema:
        target = self._reference(node["$ref"])
        if self._document.old:
            return target  # what stands beside a reference is ignored there (OpenAPI 3.0, Reference Object)
        beside = self._members({key: value for key, value in node.items() if key != "$ref"})
        if not beside:
            return target
        if "$ref" in target or _SAYING.issuperset(beside):
            return {**target, **beside}
        return {"allOf": [target], **beside}

    def _reference(self, reference: Any) -> Schema:
        if self._named is None or reference in self._named:
            self._document.target(reference)
            return {"$ref": f"#/$defs/{self._key(reference)}"}
        if reference in self._open:
            self.endless.add(reference)
            return {}
        self._open.append(reference)
        target = self.schema(self._document.target(reference))
        self._open.pop()
        return dict(target) if isinstance(target, dict) else {"allOf": [target]}

    def _key(self, reference: str) -> str:
        if reference not in self._keys:
            plain = re.sub(r"[^A-Za-z0-9_.-]", "_", reference.rpartition("/")[2]) or "schema"
            key, number = plain, 2
            while key in self._keys.values():
                key, number = f"{plain}_{number}", number + 1
            self._keys[reference] = key
        return self._keys[reference]

    def _members(self, node: Schema) -> Schema:
        made: Schema = {}
        for key, value in node.items():
            if key in _PLAIN:
                made[key] = value
            elif key in _TEXTS:
                made[key] = cleaned(value)
            elif key in _ONE:
                made[key] = self.schema(value)
            elif key in _LISTS:
                made[key] = [self.schema(item) for item in _list(value, key)]
            elif key in _MAPS:
                made[key] = {str(name): self.schema(item) for name, item in _object(value, key).items()}
        if self._document.old:
            _translate_old(made, node)
        self._hide(made, node)
        return made

    def _hide(self, made: Schema, node: Schema) -> None:
        """Take out the members that are not there in this direction, and what is demanded of them."""
        if not isinstance(made.get("required", []), list):
            del made["required"]  # of a member, as before OpenAPI 3
        members = node.get("properties", {})
        hidden = {name for name, member in members.items() if self._is_hidden(member)}
        if hidden:
            made["properties"] = {name: member for name, member in made["properties"].items() if name not in hidden}
            made["required"] = [name for name in made.get("required", []) if name not in hidden]
        if made.get("required") == []:
            del made["required"]

    def _is_hidden(self, member: Any) -> bool:
        if not isinstance(member, dict):
            return False
        if member.get(self._hidden) is True:
            return True
        return "$ref" in member and self._document.resolved(member, "a schema").get(self._hidden) is True


def _translate_old(made: Schema, node: Schema) -> None:
    """OpenAPI 3.0's own keywords (Schema Object): exclusive bounds as flags, one example."""
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(flag), bool) and made.pop(flag) and bound in made:
            made[flag] = made.pop(bound)
    if "example" in node:
        made["examples"] = [node["example"]]


def _nullable(made: Schema) -> Schema:
    """Return a schema that takes null too."""
    kind = made.get("type")
    combined = {"allOf", "anyOf", "oneOf", "not", "const", "$ref"} & set(made)
    if combined or kind is None:
        said: Schema = {key: made[key] for key in ("title", "description", "default") if key in made}
        return made if not combined and "enum" not in made else {**said, "anyOf": [made, {"type": "null"}]}
    kinds = kind if isinstance(kind, list) else [kind]
    made["type"] = [*kinds, *(["null"] if "null" not in kinds else [])]
    if isinstance(made.get("enum"), list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise DocumentError(f"one of its schemas has {what} that is no list")
    return value


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DocumentError(f"one of its schemas has {what} that is no object")
    return value
