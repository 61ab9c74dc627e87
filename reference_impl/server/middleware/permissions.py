"""Who may call what, by a permission manager: policy, consent and audit log."""

from __future__ import annotations

from typing import Any

from reference_impl.security.permissions import PermissionManager
from reference_impl.server.middleware.base import Handler, Invocation

__all__ = ["PermissionsMiddleware"]


class PermissionsMiddleware:
    """Requests permission of `manager` before each call: for the method, such as `tools/call`, on the name of the tool
    or prompt, or on the URI. Tools that may destroy something, as far as their annotations tell, are sensitive."""

    def __init__(self, manager: PermissionManager) -> None:
        self._manager = manager

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that refuses what is not permitted."""

        async def permitted(invocation: Invocation) -> Any:
            context = {
                "principal": invocation.context.principal,
                "sensitive": _destroys(invocation),
                "arguments": invocation.arguments,
            }
            if not await self._manager.request_permission(invocation.method, invocation.name, context):
                raise PermissionError(invocation.name)
            return await handler(invocation)

        return permitted


def _destroys(invocation: Invocation) -> bool:
    """Tell whether a call may destroy something: where nothing is said, a tool may (`server/tools#tool`, the defaults
    of `ToolAnnotations`)."""
    return (
        invocation.kind == "tool"
        and invocation.hint("readOnlyHint") is not True
        and invocation.hint("destructiveHint") is not False
    )
