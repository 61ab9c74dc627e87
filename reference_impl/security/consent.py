"""Consent: what somebody is asked, what may be answered, and the ways to ask: a terminal, or a function."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

import anyio.to_thread

__all__ = ["Ask", "Consent", "Inquiry", "Scope", "ask_callback"]


class Scope(StrEnum):
    """How long an answer holds: for this one request, until the process ends, or until it is revoked."""

    ONCE = "once"
    SESSION = "session"
    ALWAYS = "always"

    @property
    def rank(self) -> int:
        """0 for the shortest."""
        return list(Scope).index(self)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What consent is asked for: `operation`, such as `tools/call`, on `resource`, such as `files/delete`.

    `principal` is on whose behalf, where that is known. `context` is whatever helps to decide, arguments among it.
    `most` is the longest that an answer will hold, whatever is answered.
    """

    operation: str
    resource: str
    sensitive: bool = False
    principal: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    most: Scope = Scope.ALWAYS


@dataclass(frozen=True, slots=True)
class Consent:
    """An answer: yes or no, for how long (`scope`, and within it `seconds`), and for what: the very thing asked for, or
    all that the patterns `operation` and `resource` cover. `why` is for the audit log, where nobody was asked for this
    very thing."""

    granted: bool
    scope: Scope = Scope.ONCE
    seconds: float | None = None
    operation: str | None = None
    resource: str | None = None
    why: str | None = None


Ask = Callable[[Inquiry], "Consent | bool | Awaitable[Consent | bool | None] | None"]
"""Asks somebody. A bare yes or no holds once; None means that nobody was there to answer, which is a no. A function
that is not async runs in a worker thread."""


async def ask_callback(ask: Ask, inquiry: Inquiry) -> Consent | None:
    """Ask, and return the answer, or None if there was none. Raises what `ask` raises; `TypeError` for no answer."""
    if inspect.iscoroutinefunction(ask) or inspect.iscoroutinefunction(getattr(ask, "__call__", None)):  # noqa: B004 - an object with an async `__call__`
        answer: Any = ask(inquiry)
    else:
        answer = await anyio.to_thread.run_sync(partial(ask, inquiry))
    if inspect.isawaitable(answer):
        answer = await answer
    if isinstance(answer, bool):
        return Consent(answer)
    if answer is None or isinstance(answer, Consent):
        return answer
    raise TypeError(f"an answer is a Consent, True, False or None, not {type(answer).__name__}")
