"""Schemas that would cost too much: refused before anything is judged by them (`basic/index#json-schema-usage`).

A schema of a few lines can ask for more work than a machine has: by size, by references that double at every step, by
applying itself to one value for ever, or by going down a recursive value in several ways at once.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

__all__ = ["MOST_NESTING", "MOST_NODES", "MOST_STEPS", "OutOfBoundsError", "depth", "explosive_patterns", "most_depth"]

MOST_NODES = 50_000
"""Values in a schema, members of enums among them."""
MOST_NESTING = 100
MOST_STEPS = 10_000
"""Subschemas that may be applied to one and the same value."""
_MOST_WORK = 10_000_000
"""Subschemas that may be applied on the way down a value; where ways branch, it bounds the depth of values."""

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[:=!<]*)?|\)|[+*?|]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
_REPEATS = ("+", "*", "{")

_IN_PLACE = ("not", "if", "then", "else")
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_PROPERTIES = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_ITEMS = ("items", "additionalItems", "contains", "unevaluatedItems")

Schema = dict[str, Any]


class OutOfBoundsError(ValueError):
    """A schema that costs too much, and why."""


def most_depth(schema: Any) -> int | None:
    """Return how deep a value may be nested so that judging it stays within bounds; None if any depth will do.

    Raises `OutOfBoundsError` for a schema that is out of bounds itself.
    """
    refers = _check_size(schema)
    # Without references, work is bounded by size.
    return _Graph(schema).most_depth() if refers and isinstance(schema, dict) else None


def explosive_patterns(schema: Any) -> list[str]:
    """Return the patterns that a search which tries everything (Python's) may not come back from: a repeated group
    that itself repeats or chooses."""
    patterns = []
    for node in _objects(schema):
        named = node.get("patternProperties")
        patterns += [node.get("pattern"), *(named if isinstance(named, dict) else ())]
    return [text for text in patterns if isinstance(text, str) and _explosive(text)]


def _explosive(pattern: str) -> bool:
    pieces = _PIECE.findall(pattern)
    varies = [False]  # for each open group, whether it can match in several ways
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        if piece[0] == "(":
            varies.append(False)
        elif piece == ")" and len(varies) > 1:
            inner = varies.pop()
            if inner and following.startswith(_REPEATS):
                return True
            varies[-1] |= inner
        elif piece in ("+", "*", "?", "|") or (piece[0] == "{" and len(piece) > 1):
            varies[-1] = True
        elif piece[0] == "\\" and piece[1:].isdecimal() and piece != "\\0":
            return True  # a reference back
    return False


def depth(value: Any) -> int:
    """Return how deep a JSON value is nested; a scalar is 0."""
    deepest, level = 0, [value]
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
        level = [item for item in below if isinstance(item, dict | list)]
        deepest += bool(below) or bool(level)
    return deepest


def _check_size(schema: Any) -> bool:
    """Return whether anything in a schema refers to anything."""
    nodes, level, refers = 0, [schema], False
    for _ in range(MOST_NESTING):
        nodes += len(level)
        if nodes > MOST_NODES:
            raise OutOfBoundsError(f"the schema has more than {MOST_NODES} values")
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
                refers = refers or not _REFERENCES.isdisjoint(item)
            elif isinstance(item, list):
                below += item
        if not below:
            return refers
        level = below
    raise OutOfBoundsError(f"the schema is nested more than {MOST_NESTING} deep")


class _Graph:
    """What is applied to what. Subschemas are known by their identity: equal ones at two places are two."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._anchors = {name: node for node in _objects(root) for name in _names(node)}
        self._steps: dict[int, Counter[int]] = {}
        self._nodes = {id(node): node for node in _objects(root)}
        self._open: set[int] = set()

    def most_depth(self) -> int | None:
        reached, waiting, branches = {id(self._root)}, [self._root], 1
        edges: dict[int, set[int]] = {}
        ways: dict[int, list[Counter[int]]] = {}
        while waiting:
            node = waiting.pop()
            ways[id(node)] = list(self._descents(node).values())
            edges[id(node)] = {target for way in ways[id(node)] for target in way}
            for target in edges[id(node)] - reached:
                reached.add(target)
                waiting.append(self._nodes[target])
        endless = _in_cycles(edges)
        for key in endless:
            # How often one value below is judged by something that leads back here.
            branches = max([branches, *(sum(n for to, n in way.items() if to in endless) for way in ways[key])])
        return None if branches == 1 else max(1, int(math.log(_MOST_WORK, branches)))

    def _applied(self, node: Schema) -> Counter[int]:
        """Return how often each subschema is applied to a value that `node` is applied to."""
        key = id(node)
        if key in self._steps:
            return self._steps[key]
        if key in self._open:
            raise OutOfBoundsError("the schema applies itself to the same value for ever")
        self._open.add(key)
        applied = Counter({key: 1})
        for child in self._in_place(node):
            applied.update(self._applied(child))
            if applied.total() > MOST_STEPS:
                raise OutOfBoundsError(f"the schema applies more than {MOST_STEPS} subschemas to one value")
        self._open.discard(key)
        self._steps[key] = applied
        return applied

    def _in_place(self, node: Schema) -> Iterator[Schema]:
        children = [node.get(key) for key in _IN_PLACE]
        for key in _IN_PLACE_LISTS:
            found = node.get(key)
            children += found if isinstance(found, list) else []
        for key in ("dependentSchemas", "dependencies"):
            found = node.get(key)
            children += found.values() if isinstance(found, dict) else []
        children += [self._target(node.get(key)) for key in _REFERENCES]
        return (child for child in children if isinstance(child, dict))

    def _target(self, reference: Any) -> Any:
        """Return what a reference within the schema names, or None; what is outside is refused elsewhere."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return self._anchors.get(reference) if isinstance(reference, str) else None
        pointer = unquote(reference[1:])
        if pointer and not pointer.startswith("/"):
            return self._anchors.get(pointer)
        found: Any = self._root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = found[int(name)] if name.isdecimal() and int(name) < len(found) else None
            else:
                found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict):
            self._nodes.setdefault(id(found), found)
        return found

    def _descents(self, node: Schema) -> dict[Any, Counter[int]]:
        """Return, for each place below a value that `node` is applied to, what is applied there and how often."""
        places: dict[Any, Counter[int]] = {}
        for key, times in self._applied(node).items():
            for place, child in _below(self._nodes[key]):
                places.setdefault(place, Counter())[id(child)] += times
        everywhere = places.pop(dict, None)
        if everywhere is None:
            return places
        named = {place: way + everywhere for place, way in places.items() if isinstance(place, str)}
        return {**places, **named, dict: everywhere}


def _objects(value: Any) -> Iterator[Schema]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)


def _names(node: Schema) -> Iterator[str]:
    for key in ("$anchor", "$dynamicAnchor", "$id"):
        name = node.get(key)
        if isinstance(name, str):
            yield name.removeprefix("#")


def _below(node: Schema) -> Iterator[tuple[Any, Schema]]:
    """Yield what `node` applies further down: to a property by its name, to properties (`dict`), to items (`list`)."""
    properties, patterns = node.get("properties"), node.get("patternProperties")
    found: list[tuple[Any, Any]] = list(properties.items()) if isinstance(properties, dict) else []
    found += [(dict, child) for child in patterns.values()] if isinstance(patterns, dict) else []
    found += [(dict, node.get(key)) for key in _PROPERTIES]
    for key in (*_ITEMS, "prefixItems"):
        items = node.get(key)
        found += [(list, item) for item in (items if isinstance(items, list) else [items])]
    return ((place, child) for place, child in found if isinstance(child, dict))


def _in_cycles(edges: dict[int, set[int]]) -> set[int]:
    """Return the nodes that a way leads back to: what remains once all that leads nowhere has been taken away."""
    alive = {node: set(targets) & edges.keys() for node, targets in edges.items()}
    while True:
        ends = {node for node, targets in alive.items() if not targets}
        if not ends:
            return set(alive)
        alive = {node: targets - ends for node, targets in alive.items() if node not in ends}
