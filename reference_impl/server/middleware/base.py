"""What stands around every handler: an invocation, and the interface of what wraps it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import msgspec

from reference_impl.server.context import Context
from reference_impl.server.definitions import Completion, Prompt, Resource, Tool

__all__ = ["Handler", "Invocation", "Middleware"]

_METHODS = {
    "tool": "tools/call",
    "resource": "resources/read",
    "prompt": "prompts/get",
    "completion": "completion/complete",
}


class Invocation(msgspec.Struct, frozen=True):
    """One call of a handler: `name` is the tool's or prompt's name, or the resource's URI; of a completion, that of
    the prompt or the URI template whose argument it completes."""

    kind: Literal["tool", "resource", "prompt", "completion"]
    name: str
    target: Tool | Resource | Prompt | Completion
    arguments: dict[str, Any]
    context: Context

    @property
    def method(self) -> str:
        """The method that it serves."""
        return _METHODS[self.kind]

    @property
    def label(self) -> str:
        """A name that does not grow with what clients ask for: of a resource its template."""
        return getattr(self.target, "uri", self.name)

    def hint(self, name: str) -> bool | None:
        """Return an annotation of the tool, such as `readOnlyHint`; None where nothing is said."""
        annotations = self.target.wire.get("annotations", {}) if isinstance(self.target, Tool) else {}
        found = annotations.get(name)
        return found if isinstance(found, bool) else None


Handler = Callable[[Invocation], Awaitable[Any]]


class Middleware(Protocol):
    """Wraps handlers: looks at the invocation, refuses it by raising `ToolError`, or changes what comes back.

    One that also has a method `changed(uri)` is told when a resource was updated, and with None when something is
    offered or taken away.
    """

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that stands before `handler`."""
