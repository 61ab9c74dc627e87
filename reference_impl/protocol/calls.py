"""Requests in flight: which ids are out, and which answer belongs to which (`basic/index#requests`)."""

from __future__ import annotations

from itertools import count
from typing import Generic, TypeVar

from reference_impl.protocol.errors import LocalProtocolError
from reference_impl.protocol.messages import RequestId

__all__ = ["Calls"]

Slot = TypeVar("Slot")


class Calls(Generic[Slot]):
    """The requests that await an answer, each with a slot of the shell's own (a future, a queue, a callback).

    Ids are compared by value and type: `1` and `"1"` are two requests, and so are `1` and `True`.
    """

    __slots__ = ("_ids", "_slots")

    def __init__(self, first: int = 1) -> None:
        self._ids = count(first)
        self._slots: dict[tuple[type, RequestId], Slot] = {}

    def new_id(self) -> int:
        """Return an id that was never used before on this connection."""
        return next(self._ids)

    def open(self, identifier: RequestId, slot: Slot) -> None:
        """Register a request. Raises `LocalProtocolError` if its id is already in flight."""
        key = (type(identifier), identifier)
        if key in self._slots:
            raise LocalProtocolError(f"request id {identifier!r} is already in flight")
        self._slots[key] = slot

    def close(self, identifier: RequestId | None) -> Slot | None:
        """Return the slot that an answer with this id belongs to, and forget it; None if nobody waits for it."""
        return None if identifier is None else self._slots.pop((type(identifier), identifier), None)

    def drain(self) -> list[Slot]:
        """Forget every request and return the slots, when the connection has gone."""
        slots = list(self._slots.values())
        self._slots.clear()
        return slots

    def __len__(self) -> int:
        return len(self._slots)
