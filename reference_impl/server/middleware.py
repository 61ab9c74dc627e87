"""What stands around every handler: an invocation, and things that wrap the call of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from reference_impl.server.context import Context
from reference_impl.server.definitions import Prompt, Resource, Tool

__all__ = ["Handler", "Invocation", "Middleware"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a handler: `name` is the tool's or prompt's name, or the resource's URI."""

    kind: Literal["tool", "resource", "prompt"]
    name: str
    target: Tool | Resource | Prompt
    arguments: dict[str, Any]
    context: Context


Handler = Callable[[Invocation], Awaitable[Any]]


class Middleware(Protocol):
    """Wraps handlers. What `wrap` returns may look at the invocation, refuse it by raising, or change what comes
    back."""

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that stands before `handler`."""
