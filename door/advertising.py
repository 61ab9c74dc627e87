"""What a target advertises, from the lists that a check looked at to the row of the records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conformance.bench import Bench
from conformance.surface import Surface as Lists
from reports.records import Advertised, Surface

__all__ = ["advertised_by", "surface_row"]

_DEEPEST = 60
_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1


def advertised_by(benches: Iterable[Bench]) -> Iterator[Surface]:
    """Yield a row for each revision at which a conversation was opened."""
    for bench in benches:
        opened = [each.capabilities for each in bench.conversations if each.capabilities]
        if opened:
            yield surface_row(bench.surface, opened[-1], bench.revision.name, bench.target.transport)


def surface_row(lists: Lists, capabilities: dict[str, Any], revision: str, transport: str) -> Surface:
    """Return the lists of a target as a row; items without a name, which no client could use, are left out."""
    return Surface(
        revision=revision,
        transport=transport,
        capabilities=_kept(capabilities),
        tools=tuple(_items(lists.tools, "name")),
        prompts=tuple(_items(lists.prompts, "name")),
        resources=tuple(_items(lists.resources, "uri")),
        templates=tuple(_items(lists.templates, "uriTemplate")),
    )


def _items(items: Iterable[dict[str, Any]], key: str) -> Iterator[Advertised]:
    for item in items:
        if isinstance(item.get(key), str):
            yield Advertised(
                name=item[key],
                digest=_digest(_kept(item)),
                input_schema=_kept(item.get("inputSchema")),
                output_schema=_kept(item.get("outputSchema")),
                arguments=_arguments(item),
            )


def _digest(item: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:16]


# `Any`: JSON values, whatever they are.
def _kept(value: Any, depth: int = 0) -> Any:
    """Return a value as a row can hold it: without what lies too deep, and no whole number of more than 64 bits."""
    if depth > _DEEPEST:
        return None
    match value:
        case dict():
            return {name: _kept(member, depth + 1) for name, member in value.items()}
        case list():
            return [_kept(member, depth + 1) for member in value]
        case bool():
            return value
        case int() if not _LOWEST <= value <= _HIGHEST:
            return str(value)
    return value


def _arguments(prompt: Mapping[str, Any]) -> dict[str, bool]:
    listed = prompt.get("arguments")
    return {
        each["name"]: each.get("required") is True
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict) and isinstance(each.get("name"), str)
    }
