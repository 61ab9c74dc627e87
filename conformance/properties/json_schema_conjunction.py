"""What one value must satisfy at once, with `$ref` and `allOf` folded into it.

Keywords that lie side by side after folding are merged into one; what is merged may demand a little more than the
parts did, never less. Schemas of members and items are not folded here but joined under a new `allOf`.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from conformance.properties.json_schema_document import Document
from conformance.properties.json_schema_model import TYPES, Schema, Unsatisfiable, identity

# Keywords that leave a choice open: each becomes a schema of its own, to be decided later.
_CHOICES = ("anyOf", "oneOf")
_FOLDED = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
_CONTAINS = ("contains", "minContains", "maxContains")


@dataclass(frozen=True, slots=True)
class Conjunction:
    """The `flat` keywords, the `choices` still open, and `also`: schemas that are only judged afterwards.

    `depth` is how many more references of a cycle may be followed.
    """

    flat: dict[str, Any]
    depth: int
    choices: tuple[dict[str, Any], ...] = ()
    also: tuple[Schema, ...] = ()

    def whole(self) -> dict[str, Any]:
        """Return one schema that says all of it."""
        return {"allOf": [self.flat, *self.choices, *self.also]}


def fold(schema: Schema, document: Document, depth: int) -> Conjunction:
    """Fold `$ref` and `allOf` of a schema; raises Unsatisfiable where its parts exclude each other."""
    if isinstance(schema, bool):
        if not schema:
            raise Unsatisfiable("the schema allows no value")
        return Conjunction({}, depth)
    result = Conjunction({name: value for name, value in schema.items() if name not in _FOLDED}, depth)
    if "$ref" in schema:
        result = join(result, _follow(schema["$ref"], document, depth))
    for part in schema.get("allOf", ()):
        result = join(result, fold(part, document, result.depth))
    result = replace(result, choices=result.choices + tuple(_choices(schema)))
    if "not" in schema:
        result = join(result, _without(schema["not"], document, result.depth))
    if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
        # What counts as evaluated depends on this schema alone, wherever it is merged into.
        result = replace(result, also=(*result.also, schema))
    return result


def _follow(reference: str, document: Document, depth: int) -> Conjunction:
    name = reference.removeprefix("#/$defs/")
    if name in document.cyclic:
        depth -= 1
        if depth < 0:
            raise Unsatisfiable("the schema recurs without end")
    return fold(document.definitions[name], document, depth)


def _choices(schema: dict[str, Any]) -> list[dict[str, Any]]:
    choices = [{keyword: schema[keyword]} for keyword in _CHOICES if keyword in schema]
    if "if" in schema and ("then" in schema or "else" in schema):
        choices.append({name: schema[name] for name in ("if", "then", "else") if name in schema})
    choices.extend({"dependentSchemas": {name: part}} for name, part in schema.get("dependentSchemas", {}).items())
    return choices


def _without(schema: Schema, document: Document, depth: int) -> Conjunction:
    """Return the negation: judged in any case, and built in where it is simple."""
    built = negation(schema)
    simple = fold(built, document, depth) if built is not None else Conjunction({}, depth)
    return replace(simple, also=(*simple.also, {"not": schema}))


def negation(schema: Schema) -> Schema | None:
    """Return a schema whose instances all fail the given one, where one is easily written."""
    if isinstance(schema, bool):
        return not schema
    match schema:
        case {"type": types, **rest} if not rest:
            taken = {*types, *({"integer", "number"} if {"integer", "number"} & {*types} else ())}
            return {"type": [name for name in TYPES if name not in taken]}
        case {"required": [_, *_] as names, **rest} if rest in ({}, {"type": ["object"]}):
            return {"anyOf": [{"type": ["object"], "properties": {name: False}} for name in names]}
        case {"anyOf": branches, **rest} if not rest:
            parts = [negation(branch) for branch in branches]
            return {"allOf": parts} if None not in parts else None
    return None


def join(left: Conjunction, right: Conjunction) -> Conjunction:
    """Return what satisfies both; raises Unsatisfiable where that is plainly nothing."""
    also = left.also + right.also
    first, second = left.flat, right.flat
    if not first or not second:
        merged = first or second
    else:
        merged = {**second, **first}
        for keyword in first.keys() & second.keys():
            if (merge := _MERGES.get(keyword)) is not None:
                merged[keyword] = merge(first[keyword], second[keyword])
        also += _judged_only(first, second)
        merged |= _join_objects(first, second) | _join_arrays(first, second)
        if "contains" in first and "contains" in second:
            merged = {name: value for name, value in merged.items() if name not in _CONTAINS}
            merged |= {name: first[name] for name in _CONTAINS if name in first}
    if merged.get("type") == [] or merged.get("enum") == []:
        raise Unsatisfiable("the parts of the schema exclude each other")
    return Conjunction(merged, min(left.depth, right.depth), left.choices + right.choices, also)


def _judged_only(first: dict[str, Any], second: dict[str, Any]) -> tuple[Schema, ...]:
    """Return what of `second` cannot be merged into `first` and is left to the judge."""
    keywords: tuple[str, ...] = ("pattern", "multipleOf")
    left: list[Schema] = [
        {keyword: second[keyword]}
        for keyword in keywords
        if keyword in first and keyword in second and first[keyword] != second[keyword]
    ]
    if "contains" in first and "contains" in second:
        left.append({name: second[name] for name in _CONTAINS if name in second})
    return tuple(left)


def _join_types(first: list[str], second: list[str]) -> list[str]:
    wide_first, wide_second = ({*types, "integer"} if "number" in types else {*types} for types in (first, second))
    return [name for name in TYPES if name in wide_first & wide_second]


def _join_enums(first: list[Any], second: list[Any]) -> list[Any]:
    allowed = {identity(value) for value in second}
    return [value for value in first if identity(value) in allowed]


def _join_multiples(first: float, second: float) -> float:
    return math.lcm(first, second) if isinstance(first, int) and isinstance(second, int) else first


def _union(first: list[str], second: list[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def both(*schemas: Schema) -> Schema:
    """Return a schema for what satisfies all of the given ones."""
    parts = [schema for schema in schemas if schema is not True]
    if len(parts) == 1:
        return parts[0]
    return False if False in parts else {"allOf": parts} if parts else True


_MERGES: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
    "type": _join_types,
    "enum": _join_enums,
    "required": _union,
    "multipleOf": _join_multiples,
    "uniqueItems": lambda first, second: first or second,
    "nullable": lambda first, second: first or second,
    "propertyNames": both,
    "unevaluatedProperties": both,
    "unevaluatedItems": both,
    "dependentRequired": lambda first, second: {
        name: _union(first.get(name, []), second.get(name, [])) for name in {**first, **second}
    },
}


def _join_objects(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Join members: a name that only one side lists is subject to the other side's `additionalProperties`."""
    result: dict[str, Any] = {}
    for keyword, rest in (("properties", _rest_of), ("patternProperties", lambda side, _: _additional(side))):
        mine, theirs = first.get(keyword, {}), second.get(keyword, {})
        if mine or theirs:
            result[keyword] = {
                name: both(
                    mine[name] if name in mine else rest(first, name),
                    theirs[name] if name in theirs else rest(second, name),
                )
                for name in {**mine, **theirs}
            }
    if "additionalProperties" in first and "additionalProperties" in second:
        result["additionalProperties"] = both(first["additionalProperties"], second["additionalProperties"])
    return result


def _additional(side: dict[str, Any]) -> Schema:
    additional: Schema = side.get("additionalProperties", True)
    return additional


def _rest_of(side: dict[str, Any], name: str) -> Schema:
    matched = any(re.search(pattern, name) for pattern in side.get("patternProperties", {}))
    return True if matched else _additional(side)


def _join_arrays(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    mine, theirs = first.get("prefixItems", []), second.get("prefixItems", [])
    result: dict[str, Any] = {}
    if mine or theirs:
        result["prefixItems"] = [
            both(item_schema(first, index), item_schema(second, index)) for index in range(max(len(mine), len(theirs)))
        ]
    if "items" in first and "items" in second:
        result["items"] = both(first["items"], second["items"])
    return result


def item_schema(flat: dict[str, Any], index: int) -> Schema:
    """Return the schema of the item at an index."""
    prefix: list[Schema] = flat.get("prefixItems", [])
    rest: Schema = flat.get("items", True)
    return prefix[index] if index < len(prefix) else rest


def member_schema(flat: dict[str, Any], name: str) -> Schema:
    """Return the schema of the member with a name."""
    own = [flat["properties"][name]] if name in flat.get("properties", {}) else []
    own += [part for pattern, part in flat.get("patternProperties", {}).items() if re.search(pattern, name)]
    return both(*own) if own else _additional(flat)


def evaluated(flat: dict[str, Any], rest: str, unevaluated: str) -> dict[str, Any]:
    """Read `unevaluated...` as `additional...`: once all is folded, what evaluates is in the flat keywords."""
    if unevaluated not in flat or rest in flat:
        return flat
    return {**flat, rest: flat[unevaluated]}
