"""How much each client may take of what there is only so much of: sessions, channels, streams that stay open.

Counted for all together and for each owner: the principal where one is known, else the address it comes from. Nobody
can use up another's share, and what is full is refused, never taken from those who have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server.http.messages import HttpError, HttpRequest, error_response

__all__ = ["Shares", "owner_of", "too_many"]

_LOOPBACK = ("127.", "::1", "::ffff:127.")


def owner_of(request: HttpRequest) -> str | None:
    """Return whose share a request draws on; None for the nameless of this machine, among them what a proxy on it
    passes on: they are too many to tell apart."""
    if request.principal is not None:
        return f"principal {request.principal}"
    peer = request.peer
    return None if peer is None or peer.startswith(_LOOPBACK) else f"address {peer}"


def too_many(what: str) -> HttpError:
    """Return the refusal of more than there is room for."""
    error = RemoteProtocolError(Code.INTERNAL_ERROR, f"Too many {what}")
    return HttpError(error_response(503, error, headers={"retry-after": "5"}))


class Shares:
    """Counts of one kind of thing (`what`, in the plural): at most `most` together, and `each` for one owner."""

    def __init__(self, what: str, most: int, each: int) -> None:
        self._what = what
        self._most = most
        self._each = each
        self._taken: Counter[str | None] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def take(self, owner: str | None) -> bool:
        """Take one; False if there is none left, or none for this owner."""
        if self._total >= self._most or (owner is not None and self._taken[owner] >= self._each):
            return False
        self._total += 1
        self._taken[owner] += 1
        return True

    def give_back(self, owner: str | None) -> None:
        """Give one back."""
        self._total -= 1
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]

    @contextmanager
    def held(self, request: HttpRequest) -> Iterator[None]:
        """Hold one for a block. Raises `HttpError` (503) if there is none left."""
        owner = owner_of(request)
        if not self.take(owner):
            raise too_many(self._what)
        try:
            yield
        finally:
            self.give_back(owner)
