"""What a link needs of the way to a target: bytes both ways, how messages lie in them, and how their JSON is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from conformance.transcript import NO_JSON, Entry, HttpHead
from reference_impl.protocol.lines import LineReader, Overlong

__all__ = ["LINES", "WHOLE", "Channel", "Divisible", "Framing", "Refusal", "decode"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The HTTP reply by which a target did not take a message that was posted to it."""

    head: HttpHead
    body: bytes
    value: Any
    """The JSON-RPC message that the body holds, or `NO_JSON`."""
    entry: Entry


class Channel(Protocol):
    """Bytes both ways, in order: a `ByteChannel`, or one that moves whole messages and may see one refused."""

    async def send(self, data: bytes, /) -> Refusal | None:
        """Write all of `data`. Raises `anyio.BrokenResourceError`, `anyio.ClosedResourceError`."""

    async def receive(self) -> bytes:
        """Return what has come. Raises `anyio.EndOfStream` when there will be no more."""
        ...


@runtime_checkable
class Divisible(Protocol):
    """A channel of whole messages that can write one in several pieces, which whoever reads may meet one by one."""

    async def send_pieces(self, pieces: Sequence[bytes], /) -> Refusal | None:
        """Write one message in pieces, none of them empty. Raises as `Channel.send`."""


class _Reader(Protocol):
    @property
    def rest(self) -> bytes: ...

    def feed(self, data: bytes, /) -> Sequence[bytes | Overlong]: ...


class _WholeReader:
    """Takes each chunk for the message that it is."""

    rest = b""

    def feed(self, data: bytes, /) -> Sequence[bytes]:
        return (data,)


@dataclass(frozen=True, slots=True)
class Framing:
    """How messages lie in the bytes of a channel: `end` closes each, and `reader` finds them in what comes."""

    reader: Callable[[], _Reader]
    end: bytes


LINES = Framing(LineReader, b"\n")
"""A message is a line."""
WHOLE = Framing(_WholeReader, b"")
"""A message is what the channel hands over at a time; several may be on their way at once."""


def decode(data: bytes) -> Any:
    """Decode a JSON text by the letter of RFC 8259; `NO_JSON` for anything else."""
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return NO_JSON


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
