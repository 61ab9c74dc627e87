"""Decorators that say of a function what it is to clients, where its name, hints and docstring do not say it all.

They change nothing about the function: it stays one that can be called and tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Unpack

from reference_impl.server.definitions import Described, ResourceMembers, ToolMembers

__all__ = ["Mark", "mark_of", "prompt", "resource", "tool"]

Function = TypeVar("Function", bound=Callable[..., Any])
_ATTRIBUTE = "__touchstone_mark__"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator said of a function; `given` are the arguments as `AdvancedMCPServer`'s methods take them."""

    kind: Literal["tool", "resource", "prompt"]
    given: dict[str, Any] = field(default_factory=dict)


def tool(
    name: str | None = None,
    description: str | None = None,
    schema: dict[str, Any] | None = None,
    **more: Unpack[ToolMembers],
) -> Callable[[Function], Function]:
    """Mark a tool that is to have more than a function says: another name, a title, annotations."""
    return _marking(Mark("tool", {"name": name, "description": description, "schema": schema, **more}))


def resource(
    uri: str, name: str | None = None, description: str | None = None, **more: Unpack[ResourceMembers]
) -> Callable[[Function], Function]:
    """Mark a resource, or with variables in `uri` (`{name}`, `{+path}`) a template. The function returns `str` or
    `bytes`."""
    return _marking(Mark("resource", {"uri": uri, "name": name, "description": description, **more}))


def prompt(
    name: str | None = None,
    description: str | None = None,
    arguments: list[dict[str, Any]] | None = None,
    **more: Unpack[Described],
) -> Callable[[Function], Function]:
    """Mark a prompt. The function returns a string, a content block, or a list of messages."""
    return _marking(Mark("prompt", {"name": name, "description": description, "arguments": arguments, **more}))


def mark_of(function: Callable[..., Any]) -> Mark | None:
    """Return what a function was marked as, or None."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Mark) else None


def _marking(mark: Mark) -> Callable[[Function], Function]:
    if callable(mark.given["name"]) or callable(mark.given.get("uri")):
        raise TypeError(f"@{mark.kind} needs its parentheses: @{mark.kind}(...)")

    def marked(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, mark)
        return function

    return marked
