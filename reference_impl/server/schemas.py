"""An input schema from a function's type hints, for tools and prompts that do not bring one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

__all__ = ["input_schema"]


def input_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a 2020-12 object schema of the function's parameters but `context`.

    Hints may be what msgspec can describe: JSON scalars, lists, dicts, literals, unions, structs, and
    `Annotated[T, msgspec.Meta(description=...)]`. Parameters with a default are optional.
    """
    found = [item for item in inspect.signature(function).parameters.values() if item.name != "context"]
    if not found:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    hints = _hints(function)
    fields: list[Any] = [
        (item.name, hints.get(item.name, Any), *(() if item.default is item.empty else (item.default,)))
        for item in found
    ]
    return _described(fields)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(function, include_extras=True).items() if name != "return"}


def _described(fields: list[Any]) -> dict[str, Any]:
    import msgspec

    arguments = msgspec.defstruct("Arguments", fields, kw_only=True)
    _, components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = dict(components.pop("Arguments"))
    schema.pop("title", None)
    schema["additionalProperties"] = False
    return schema | ({"$defs": components} if components else {})
