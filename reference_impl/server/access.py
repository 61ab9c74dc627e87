"""What the token of the request under way allows: whom it speaks for, and which scopes it carries.

The HTTP face sets it before it serves a request (`reference_impl.server.auth`); all that the request starts inherits it
as a context variable, over any transport and in worker threads too. Without authorization it is None, and nothing here
costs anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

import msgspec

__all__ = ["ACCESS", "Access", "at_end_of_token", "seconds_left"]


class Access(msgspec.Struct, frozen=True):
    """What a verified token says. The token itself is not in it, so that nobody can pass it on or log it.

    `subject` is unique at its `issuer`; `client_id` is the client that the token was given to, where the issuer says.
    `expires_at` is in seconds since 1970. `jkt` is the thumbprint of the key that a DPoP-bound token needs a proof of.
    `claims` are the token's own. With `hides`, lists leave out what these scopes do not reach. `principal` is made of
    the others: one name for issuer, subject and client, to which sessions, states and tasks are bound.
    """

    subject: str
    issuer: str = ""
    client_id: str | None = None
    scopes: frozenset[str] = frozenset()
    expires_at: float | None = None
    jkt: str | None = None
    claims: Mapping[str, Any] = {}
    hides: bool = False
    principal: str = ""

    def __post_init__(self) -> None:
        parts = (self.issuer, self.subject, self.client_id or "")
        name = " ".join(quote(part, safe=":/@") for part in parts).strip()
        msgspec.structs.force_setattr(self, "principal", name)


ACCESS: ContextVar[Access | None] = ContextVar("access", default=None)
"""The access of the request under way; None where no authorization is configured."""


def seconds_left() -> float | None:
    """Return how long the token of the request under way is valid yet, or None if it never ends."""
    access = ACCESS.get()
    if access is None or access.expires_at is None:
        return None
    return max(access.expires_at - time.time(), 0.0)


@contextmanager
def at_end_of_token(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` if the token of the request under way ends while this context is entered: what a token has opened does
    not outlive it."""
    left = seconds_left()
    if left is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(left, act)
    try:
        yield
    finally:
        timer.cancel()
