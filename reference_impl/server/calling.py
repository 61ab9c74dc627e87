"""Calling a handler: its arguments by name, its context if it wants one, its thread if it blocks."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reference_impl.server.threads import in_thread

if TYPE_CHECKING:
    from reference_impl.server.context import Context

__all__ = ["Callee"]


@dataclass(frozen=True, slots=True)
class Callee:
    """A handler function and how to call it.

    `names` are the parameters it takes, or None where it takes any. A function that is not `async` runs in a worker
    thread, so that it never holds up other requests; `context` belongs to the event loop, so it needs `async`.
    """

    function: Callable[..., Any]
    names: frozenset[str] | None
    wants_context: bool
    is_async: bool

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Callee:
        """Inspect a function. Raises `TypeError` if it wants a context without being `async`."""
        found = inspect.signature(function).parameters.values()
        names = frozenset(item.name for item in found if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY))
        takes_any = any(item.kind is item.VAR_KEYWORD for item in found)
        is_async = inspect.iscoroutinefunction(function)
        if "context" in names and not is_async:
            raise TypeError(f"{function.__name__} wants a context, so it must be async")
        return cls(function, None if takes_any else names - {"context"}, "context" in names, is_async)

    def __call__(self, arguments: dict[str, Any], context: Context) -> Awaitable[Any]:
        """Call it, and return what is to be awaited; arguments that it does not take are left out."""
        if self.names is not None and not self.names.issuperset(arguments):
            arguments = {name: value for name, value in arguments.items() if name in self.names}
        if not self.is_async:
            return in_thread(self.function, **arguments)
        if self.wants_context:
            return self.function(**arguments, context=context)  # type: ignore[no-any-return]  # it is async
        return self.function(**arguments)  # type: ignore[no-any-return]  # the same
