"""Which operations of a document become tools, and under which names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway.operations import LeftOut, Operation
from reference_impl.servers.gateway.settings import GatewaySettings

__all__ = ["named", "selected", "tool_name", "without"]

_READS = frozenset({"GET", "HEAD"})
_LONGEST = 64
"""Characters of a name: many clients put one of their own in front, and models' APIs take no more."""
_KINDS = ("tag", "method", "id")


def selected(found: Iterable[Operation], settings: GatewaySettings, *, write: bool) -> list[Operation]:
    """Return the operations to offer. Raises `SetupError` for a choice that fits none, or leaves none or too many."""
    operations = list(found)
    for choice in (*settings.include, *settings.exclude):
        if not any(_fits(choice, operation) for operation in operations):
            raise SetupError(f"{choice!r} fits no operation: say tag:NAME, method:NAME or id:GLOB. {_told(operations)}")
    chosen = [
        operation
        for operation in operations
        if (not settings.include or any(_fits(choice, operation) for choice in settings.include))
        and not any(_fits(choice, operation) for choice in settings.exclude)
    ]
    kept = [operation for operation in chosen if write or operation.method in _READS]
    if not kept:
        more = f"; {len(chosen)} change something and need --write" if chosen else ""
        raise SetupError(f"no operation is left to offer{more}")
    most = settings.limits.most_tools
    if len(kept) > most:
        raise SetupError(f"{len(kept)} operations are more than {most}: choose with --include. {_told(kept)}")
    return kept


def _fits(choice: str, operation: Operation) -> bool:
    kind, colon, value = choice.partition(":")
    if not colon or kind not in _KINDS:
        kind, value = "id", choice
    match kind:
        case "tag":
            return value in operation.tags
        case "method":
            return value.upper() == operation.method
    return fnmatchcase(operation.identifier or tool_name(operation), value)


def _told(operations: list[Operation]) -> str:
    tags = sorted({tag for operation in operations for tag in operation.tags})
    if tags:
        return f"Its tags: {', '.join(tags[:30])}"
    names = [operation.identifier or tool_name(operation) for operation in operations[:30]]
    return f"Its operations: {', '.join(names)}"


def tool_name(operation: Operation) -> str:
    """Return the name that an operation asks for: its id, or its method and path (`server/tools#tool-names`)."""
    wanted = operation.identifier or f"{operation.method.lower()}{operation.path}"
    return re.sub(r"[^A-Za-z0-9_-]+", "_", wanted).strip("_")[:_LONGEST] or operation.method.lower()


def named(operations: Iterable[Operation]) -> Iterator[tuple[str, Operation]]:
    """Yield every operation with a name that no other has, in any case of letters."""
    taken: set[str] = set()
    for operation in operations:
        wanted = name = tool_name(operation)
        number = 2
        while name.lower() in taken:
            ending = f"_{number}"
            name, number = wanted[: _LONGEST - len(ending)] + ending, number + 1
        taken.add(name.lower())
        yield name, operation


def without(found: Iterable[Operation | LeftOut]) -> tuple[list[Operation], list[LeftOut]]:
    """Return what can be a tool, and what cannot."""
    items = list(found)
    usable = [item for item in items if isinstance(item, Operation)]
    return usable, [item for item in items if isinstance(item, LeftOut)]
