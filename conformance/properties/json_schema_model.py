"""What the JSON Schema strategies share: the shape of a schema, how it fails, and when two JSON values are equal."""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from hypothesis.strategies import SearchStrategy

Schema: TypeAlias = bool | dict[str, Any]


class Build(Protocol):
    """Builds the strategy of a schema with so much recursion left; raises Unsatisfiable."""

    def __call__(self, schema: Schema, depth: int) -> SearchStrategy[Any]:
        """Return the strategy."""


TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")


class Unsatisfiable(ValueError):  # noqa: N818 - a property of schemas first, raised second
    """No instance can be built: the schema has none, finding one is too dear, or the schema itself is unusable.

    `reason` is one clause that fits behind the name of whatever carries the schema.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Invalid:
    """A valid instance broken in exactly one way.

    `pointer` (JSON Pointer, RFC 6901) leads to the value that breaks `keyword`; for a missing member it leads to the
    object that lacks it. `instance` is the valid one.
    """

    value: Any
    pointer: str
    keyword: str
    description: str
    instance: Any = None


def identity(value: Any) -> Hashable:
    """Return a key that is equal for equal JSON values: 1 is 1.0, True is not 1, member order does not matter."""
    match value:
        case bool() | str() | None:
            return type(value).__name__, value
        case int() | float():
            return "number", value
        case list():
            return "array", tuple(identity(item) for item in value)
        case dict():
            return "object", frozenset((name, identity(member)) for name, member in value.items())
        case _:
            raise TypeError(f"{type(value).__name__} is not a JSON value")


def pointer(path: tuple[str | int, ...]) -> str:
    """Write a path as a JSON Pointer, RFC 6901 section 3."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def canonical(value: Any) -> str:
    """Write JSON so that equal schemas give equal text."""
    return json.dumps(value, sort_keys=True)
