"""Reading requests whose head repeats that of the one before.

A client says the same in the head of each call, but for the length of the body. What a parser makes of a message
depends on nothing but its bytes: where they are those of the message before, up to that length, so is all that it found
in them. Anything else is the parser's.
"""

from __future__ import annotations

from typing import Any

__all__ = ["RepeatedHead"]

_FIELD = b"content-length"
_LONGEST = 4096
"""Most bytes of a head that is kept: there is one for each connection."""
_DIGITS = 9
"""Most digits of a length that is understood here."""


class RepeatedHead:
    """The head of a request that came alone and in one piece: `before` and `after` are what stands around the digits of
    its length."""

    __slots__ = ("_after", "_before", "_fields", "_place", "_scope")

    def __init__(self, before: bytes, after: bytes, scope: dict[str, Any]) -> None:
        self._before = before
        self._after = after
        self._fields = tuple(scope["headers"])
        self._place = [name for name, _ in self._fields].index(_FIELD)
        self._scope = {**scope, "asgi": {**scope["asgi"]}}

    @classmethod
    def of(cls, data: bytes, scope: Any, size: int) -> RepeatedHead | None:
        """Keep the head of `data`, in which a request with a body of `size` bytes was found; None if there is more in
        `data`, if the length of the body was not told, or if the head is long."""
        end = data.find(b"\r\n\r\n", 0, _LONGEST) + 4
        field = data.lower().find(b"\r\n" + _FIELD + b":", 0, end)
        if field < 0 or end + size != len(data):
            return None
        start = data.index(b":", field) + 1
        stop = data.index(b"\r", start)
        digits = data[start:stop].lstrip(b" \t")
        if not digits.isdigit() or int(digits) != size:
            return None
        return cls(data[: stop - len(digits)], data[stop:end], scope)

    def read(self, data: bytes) -> tuple[dict[str, Any], bytes] | None:
        """Return scope and body of `data`, if it is one whole request with this head, and nothing else."""
        if not data.startswith(self._before):
            return None
        start = len(self._before)
        stop = data.find(b"\r", start, start + _DIGITS + 1)
        digits, after = data[start:stop], self._after
        if not digits.isdigit() or not data.startswith(after, stop):
            return None
        body = data[stop + len(after) :]
        if len(body) != int(digits):
            return None
        fields = [*self._fields]
        fields[self._place] = (_FIELD, digits)
        scope = self._scope.copy()
        scope["asgi"], scope["headers"] = scope["asgi"].copy(), fields
        return scope, body
