"""What somebody who watches sees of HTTP exchanges: both messages, and when their parts went by.

Nobody watches unless `watching` says so; then nothing is kept. Clock times are those of `time.perf_counter`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

__all__ = ["KEPT", "Witness", "watching", "witnessed"]

KEPT = 256 * 1024
"""Most bytes of a body that are kept."""


@dataclass(slots=True)
class Witness:
    """One exchange: `url` is absolute, `request` the head's first line and headers, `status` 0 until a reply began.

    `connecting` and `connected` are set where a connection was made for it; `whole` says that the body of the reply
    came to its end, `error` why there is none.
    """

    url: str
    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    began: float = field(default_factory=time.perf_counter)
    connecting: float | None = None
    connected: float | None = None
    sent: float | None = None
    replied: float | None = None
    ended: float = 0.0
    status: int = 0
    reply_start: str = ""
    reply_headers: tuple[tuple[str, str], ...] = ()
    reply_body: bytearray = field(default_factory=bytearray)
    size: int = 0
    whole: bool = False
    error: str = ""

    def answered(self, status: int, start: str, headers: list[tuple[str, str]]) -> None:
        """Take the head of the reply."""
        self.replied = time.perf_counter()
        self.status, self.reply_start, self.reply_headers = status, start, tuple(headers)

    def brought(self, data: bytes) -> None:
        """Take a piece of its body."""
        self.size += len(data)
        self.reply_body += data[: max(0, KEPT - len(self.reply_body))]


watching: ContextVar[Callable[[Witness], None] | None] = ContextVar("watching", default=None)
"""Who is told of each exchange once it has ended."""


@contextmanager
def witnessed(url: str, start: str, headers: list[tuple[str, str]], body: bytes) -> Iterator[Witness | None]:
    """Give a witness of the exchange that the block holds, or None while nobody watches."""
    tell = watching.get()
    if tell is None:
        yield None
        return
    witness = Witness(url, start, tuple(headers), body)
    try:
        yield witness
    except Exception as error:
        witness.error = str(error) if not witness.status else ""
        raise
    finally:
        witness.ended = time.perf_counter()
        tell(witness)
