"""Values made from a schema, and values made from values by one small harm: the same ones on every run."""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from .errata import NEVER, Definitions

STRANGERS: tuple[Any, ...] = (None, True, -1, 101, 0.5, "", "stranger", [], [None], {}, {"stranger": 1})
ADDED = ("stranger", "id", "result", "error", "method", "_meta", "type")
Path = tuple[str | int, ...]


def instance(schema: dict[str, Any], definitions: Definitions, chance: random.Random, fullness: float) -> Any:
    """A value of the schema; `fullness` is the probability that an optional member is there."""
    match schema:
        case {"$ref": str(target)}:
            found = instance(definitions[target.rpartition("/")[2]], definitions, chance, fullness)
        case {"anyOf": [*alternatives]} if "properties" not in schema:
            found = instance(chance.choice(alternatives), definitions, chance, fullness * 0.8)
        case {"allOf": [*parts]}:
            objects = [instance(part, definitions, chance, fullness) for part in parts]
            found = {name: value for one in objects for name, value in one.items()}
        case {"const": constant}:
            found = constant
        case {"enum": [*constants]}:
            found = chance.choice(constants)
        case _:
            kinds = schema.get("type", ["string", "integer", "object", "null"])
            kind = kinds if isinstance(kinds, str) else chance.choice(kinds)
            found = _MAKERS[kind](schema, definitions, chance, fullness)
    return found


def _array(schema: dict[str, Any], definitions: Definitions, chance: random.Random, fullness: float) -> list[Any]:
    count = 2 if chance.random() < fullness else 0
    return [instance(schema.get("items", {}), definitions, chance, fullness * 0.8) for _ in range(count)]


def _object(schema: dict[str, Any], definitions: Definitions, chance: random.Random, fullness: float) -> dict[str, Any]:
    required = schema.get("required", [])
    found = {
        name: instance(part, definitions, chance, fullness * 0.9)
        for name, part in schema.get("properties", {}).items()
        if part != NEVER and (name in required or chance.random() < fullness)
    }
    rest = schema.get("additionalProperties", True)
    if isinstance(rest, dict) and chance.random() < fullness:
        found["entry"] = instance(rest, definitions, chance, fullness * 0.8)
    return found


_MAKERS: dict[str, Callable[[dict[str, Any], Definitions, random.Random, float], Any]] = {
    "object": _object,
    "array": _array,
    "string": lambda *_: "text",
    "integer": lambda *_: 1,
    "number": lambda *_: 0.25,
    "boolean": lambda *_: True,
    "null": lambda *_: None,
}


def instances(name: str, definitions: Definitions) -> list[Any]:
    """The barest value of a definition, one with everything, and some between."""
    chance = random.Random(name)  # seeded by the name: every definition keeps its values when others come and go
    return [instance(definitions[name], definitions, chance, fullness) for fullness in (0.0, 1.0, 0.4, 0.6, 0.8)]


def mutants(value: Any, chance: random.Random, most: int) -> list[Any]:
    """At most so many copies of the value with one harm each: a member dropped or added, a part replaced."""
    harms = list(_harms(value))
    chosen = harms if len(harms) <= most else chance.sample(harms, most)
    return [_harmed(value, *harm) for harm in chosen]


def _harms(value: Any) -> Iterator[tuple[str, Path, Any]]:
    for path, part in _places(value, ()):
        yield from (("replace", path, stranger) for stranger in STRANGERS)
        if isinstance(part, dict):
            yield from (("drop", path, name) for name in part)
            yield from (("add", path, name) for name in ADDED if name not in part)


def _places(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield from _places(part, (*path, step))


def _harmed(value: Any, harm: str, path: Path, detail: Any) -> Any:
    box = [copy.deepcopy(value)]
    holder: Any = box
    steps: Path = (0, *path)
    for step in steps[:-1]:
        holder = holder[step]
    match harm:
        case "replace":
            holder[steps[-1]] = copy.deepcopy(detail)
        case "drop":
            del holder[steps[-1]][detail]
        case "add":
            holder[steps[-1]][detail] = 1
    return box[0]
