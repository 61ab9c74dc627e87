"""Who may call what, by a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impl.server.middleware.base import Handler, Invocation

__all__ = ["AuthenticationMiddleware"]


class AuthenticationMiddleware:
    """Asks `allows(principal, kind, name)` before each call. Who the principal is, the transport has found out
    (`reference_impl.server.auth`); None means nobody in particular."""

    def __init__(self, allows: Callable[[str | None, str, str], bool]) -> None:
        self._allows = allows

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that refuses what is not allowed."""

        async def guarded(invocation: Invocation) -> Any:
            if not self._allows(invocation.context.principal, invocation.kind, invocation.name):
                raise PermissionError(invocation.name)
            return await handler(invocation)

        return guarded
