"""The arguments of a tool: every parameter of an operation by its name, and its request body as `body`.

Where two places have a parameter of one name, both get the place in front (`path_id`, `query_id`), and their
descriptions say so. Names that models and their APIs stumble over (`filter[name]`, `$top`) are written with `_`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reference_impl.servers.gateway.bodies import BINARY, body_schema
from reference_impl.servers.gateway.document import Document
from reference_impl.servers.gateway.operations import Operation, Parameter
from reference_impl.servers.gateway.schemas import Schema, translated

__all__ = ["BODY", "input_schema", "named_arguments"]

BODY = "body"
_LONGEST = 64
_RESERVED = frozenset({BODY, "context"})
"""`body` is the request body's; `context` is what handlers are given beside their arguments."""


def named_arguments(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    """Return the parameters by the names of their arguments, in their order."""
    given = list(parameters)
    plain = [_plain(parameter.name) for parameter in given]
    times = Counter(plain)
    named: dict[str, Parameter] = {}
    for name, parameter in zip(plain, given, strict=True):
        clashes = times[name] > 1 or name in _RESERVED
        wanted = _plain(f"{parameter.place}_{parameter.name}") if clashes else name
        key, number = wanted, 2
        while key in named:
            key, number = f"{wanted[: _LONGEST - 4]}_{number}", number + 1
        named[key] = parameter
    return named


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:_LONGEST].strip("_") or "parameter"


def input_schema(document: Document, operation: Operation, named: Mapping[str, Parameter]) -> Schema:
    """Return the schema of a tool's arguments. Raises `DocumentError`."""

    def make(translate: Callable[[Any], Any]) -> Schema:
        properties = {key: _described(translate(item.schema), item, key) for key, item in named.items()}
        required = [key for key, item in named.items() if item.required]
        body = operation.body
        if body is not None:
            properties[BODY] = body_schema(body, translate)
            required += [BODY] if body.required else []
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**schema, "required": required} if required else schema

    return translated(document, "request", make)


def _described(schema: Any, parameter: Parameter, key: str) -> Schema:
    made: Schema = dict(schema) if isinstance(schema, dict) else {"not": {}} if schema is False else {}
    said = parameter.description or str(made.get("description", ""))
    if key != parameter.name:
        said = f"{said} (the {parameter.place} parameter {parameter.name})".strip()
    if parameter.place == "path" and made.get("type") == "string" and "minLength" not in made:
        made["minLength"] = 1  # an empty one would name another resource
    if made.get("format") == "binary" and made.get("type") == "string":
        made |= BINARY
    return {**made, "description": said} if said else made


@dataclass(frozen=True, slots=True)
class Split:
    """Arguments by the place that they go to; `body` is the ellipsis where there is none."""

    parameters: tuple[tuple[Parameter, Any], ...]
    body: Any


def split(named: Mapping[str, Parameter], arguments: Mapping[str, Any]) -> Split:
    """Return arguments with the parameters that they are for; null stands for nothing where it is not demanded."""
    found = [
        (item, arguments[key])
        for key, item in named.items()
        if key in arguments and (arguments[key] is not None or item.required)
    ]
    return Split(tuple(found), arguments.get(BODY, ...))
