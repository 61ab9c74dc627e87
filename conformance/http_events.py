"""Marks of server-sent events, from the raw body: what an event carried itself, not what was in force before it."""

from __future__ import annotations

from conformance.transcript import EventMark

__all__ = ["event_marks"]

_LONGEST_RETRY = 18
"""Digits of a `retry` that are read as a number: Python refuses to read some thousands of them."""


def event_marks(body: bytes) -> tuple[EventMark, ...]:
    """Return a mark for each complete event of a stream that has any field besides comments."""
    text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removeprefix(b"\xef\xbb\xbf")
    blocks = text.split(b"\n\n")[:-1]
    return tuple(mark for mark in map(_mark, blocks) if mark is not None)


def _mark(block: bytes) -> EventMark | None:
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        fields[name] = (fields.get(name, b"") if name == b"data" else b"") + value.removeprefix(b" ")
    if not fields.keys() & {b"id", b"data", b"retry", b"event"}:
        return None
    retry = fields.get(b"retry", b"")
    identifier = fields.get(b"id")
    return EventMark(
        None if identifier is None or b"\0" in identifier else identifier.decode("utf-8", "replace"),
        bool(fields.get(b"data")),
        int(retry) if retry.isdigit() and len(retry) <= _LONGEST_RETRY else None,
    )
