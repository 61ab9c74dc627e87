"""Handlers that take too long are stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.server.deadline import deadline
from reference_impl.server.errors import ToolError
from reference_impl.server.middleware.base import Handler, Invocation

__all__ = ["TimeoutMiddleware"]


class TimeoutMiddleware:
    """Gives each call `seconds`, or what `tools` says of it (by name or URI template; None: as long as it takes).

    The handler is cancelled. One that runs in a thread cannot be: nobody waits for it any more, and it finds out by
    `reference_impl.server.threads.stopping`. Time spent waiting for the client's answers does not count, and calls that
    run as tasks, which have a lifetime of their own, are bounded only where `tools` names them.
    """

    def __init__(self, seconds: float | None, *, tools: Mapping[str, float | None] | None = None) -> None:
        self._seconds = seconds
        self._tools = dict(tools or {})
        if any(given is not None and given <= 0 for given in (seconds, *self._tools.values())):
            raise ValueError("a timeout is more than 0 seconds")

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that is stopped in time."""

        async def bounded(invocation: Invocation) -> Any:
            general = None if invocation.context.is_task else self._seconds
            seconds = self._tools.get(invocation.label, general)
            if seconds is None:
                return await handler(invocation)
            try:
                async with deadline(seconds, for_tasks=invocation.label in self._tools) as bound:
                    value = await handler(invocation)
            except TimeoutError:
                if not bound.expired():
                    raise  # the handler's own
            else:
                if not bound.expired():  # what one returns that was stopped is half an answer
                    return value
            raise ToolError(f"It took longer than {seconds:g} s and was stopped")

        return bounded
