"""Answers of tools that only read, and of resources, kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from reference_impl.security.patterns import covers
from reference_impl.server.content import ToolResult
from reference_impl.server.middleware.base import Handler, Invocation

__all__ = ["CachingMiddleware"]

_encoder = msgspec.json.Encoder(order="deterministic")
_LARGEST_SHARE = 8
"""No answer may take more than this part of the room."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    size: int
    until: float
    uri: str | None


class CachingMiddleware:
    """Keeps answers for `seconds`, up to `most_bytes` of them, and gives them again to the same principal, token scopes
    and revision, and to clients that say the same of themselves, for the same arguments.

    `tools` and `resources` are patterns (`*`, `?`) of names and URIs; the tools must have `readOnlyHint`. Errors are
    not kept, nor what depends on answers of a user, nor calls as tasks. An update of a resource drops what was read
    there and, as nobody knows what they read, what tools said; a change of what is offered drops everything.
    """

    def __init__(
        self,
        seconds: float,
        *,
        tools: Collection[str] = ("*",),
        resources: Collection[str] = ("*",),
        most_bytes: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._patterns = {"tool": tuple(tools), "resource": tuple(resources)}
        self._most = most_bytes
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._size = 0
        self._generation = 0

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that is called only for what is not known."""

        async def cached(invocation: Invocation) -> Any:
            key = self._key(invocation)
            found = None if key is None else self._found(key)
            if found is not None:
                return found.value
            generation = self._generation
            value = await handler(invocation)
            if key is not None and generation == self._generation and not invocation.context.asked and not _cancelled():
                self._keep(key, value, invocation)
            return value

        return cached

    def changed(self, uri: str | None) -> None:
        """Forget what may be different now; safe in any thread. What is being read meanwhile is not kept."""
        self._generation += 1
        for key, kept in list(self._kept.items()):
            if uri is None or kept.uri is None or kept.uri == uri:
                self._drop(key)

    def _key(self, invocation: Invocation) -> bytes | None:
        """Return what an answer is known by, or None if it is not for keeping."""
        context = invocation.context
        if context.asked or context.is_task:
            return None
        if invocation.kind == "tool" and invocation.hint("readOnlyHint") is not True:
            return None
        if not any(covers(pattern, invocation.name) for pattern in self._patterns.get(invocation.kind, ())):
            return None
        who = [context.principal, sorted(context.scopes), context.revision.name]
        client = [dict(context.client_info), dict(context.capabilities)]
        try:
            return _encoder.encode([invocation.kind, invocation.name, who, client, invocation.arguments])
        except (TypeError, ValueError):
            return None

    def _found(self, key: bytes) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock() >= kept.until:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def _keep(self, key: bytes, value: Any, invocation: Invocation) -> None:
        if isinstance(value, ToolResult) and value.is_error:
            return
        try:
            size = len(key) + len(
                _encoder.encode(msgspec.to_builtins(value) if isinstance(value, ToolResult) else value)
            )
        except (TypeError, ValueError, RecursionError):
            return
        if size * _LARGEST_SHARE > self._most:
            return
        self._drop(key)
        uri = invocation.name if invocation.kind == "resource" else None
        self._kept[key] = _Kept(value, size, self._clock() + self._seconds, uri)
        self._size += size
        while self._size > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.size


def _cancelled() -> bool:
    """Tell whether the call was cancelled, though its handler returned something all the same: half an answer."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
