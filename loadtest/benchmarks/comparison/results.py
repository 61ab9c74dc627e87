"""What a comparison found, as rows: JSON Lines, one struct a line, told apart by `kind`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

__all__ = ["About", "Lacking", "Results", "Row", "Run", "Sessions", "Start", "read", "write"]


class About(Struct, frozen=True, kw_only=True, tag_field="kind", tag="about"):
    """The run: when (UTC), on what, with which versions. `others` is the median share of a core that others
    took during a measurement, None where nobody can tell; `calibrated` what the generator makes against a server that
    does nothing (calls a second, by transport)."""

    date: str
    seconds: float
    quick: bool
    rounds: int
    machine: str
    cores: int
    pinned: bool
    python: str
    node: str
    versions: dict[str, str]
    calibrated: dict[str, float]
    others: float | None = None
    disturbed: float = 0.0


class Lacking(Struct, frozen=True, kw_only=True, tag_field="kind", tag="lacking"):
    """A library that does not do what a mode asks, and how that showed."""

    library: str
    mode: str
    why: str


class Start(Struct, frozen=True, kw_only=True, tag_field="kind", tag="start"):
    """One cold start: milliseconds from the start of the process to the answer of its first call."""

    library: str
    mode: str
    round: int
    first_call_ms: float


class Run(Struct, frozen=True, kw_only=True, tag_field="kind", tag="run"):
    """One load: closed (16 users) or open at `rate` a second. Latencies are milliseconds, in the open model from the
    intended start; a percentile that so few samples cannot tell is null. `cpu` is seconds of processor time of the
    server for a thousand calls. `limited` says why the generator, not the server, was the limit; `others` is the share
    of a core that others took meanwhile."""

    library: str
    mode: str
    round: int
    model: Literal["closed", "open"]
    rate: float | None = None
    throughput: float
    total: int
    failed: int
    p50: float | None
    p99: float | None
    p99_9: float | None
    uncorrected_p99: float | None = None
    cpu: float | None
    rss_mib: float | None
    threads: int | None
    limited: tuple[str, ...] = ()
    others: float | None = None


class Sessions(Struct, frozen=True, kw_only=True, tag_field="kind", tag="sessions"):
    """Sessions that come and go, four at a time, and the resident KiB that each of `idle` idle ones added."""

    library: str
    mode: str
    set_up_p50: float | None
    set_up_p99: float | None
    a_second: float
    failed: int
    cpu: float | None
    idle: int
    idle_kib: float


Row = About | Lacking | Start | Run | Sessions


class Results:
    """All rows, found by library and mode."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)

    @property
    def about(self) -> About:
        """What the run was. Raises `ValueError` where no row says it."""
        for row in self.rows:
            if isinstance(row, About):
                return row
        raise ValueError("no row says what the run was")

    def runs(self, library: str, mode: str) -> list[Run]:
        """Return the loads of one case."""
        return [each for each in self.rows if isinstance(each, Run) and (each.library, each.mode) == (library, mode)]

    def starts(self, library: str, mode: str) -> list[float]:
        """Return the first calls of one case, milliseconds."""
        return [
            each.first_call_ms
            for each in self.rows
            if isinstance(each, Start) and (each.library, each.mode) == (library, mode)
        ]

    def sessions(self, library: str, mode: str) -> Sessions | None:
        """Return what sessions of one case take."""
        found = (each for each in self.rows if isinstance(each, Sessions))
        return next((each for each in found if (each.library, each.mode) == (library, mode)), None)


def write(file: Path, rows: Iterable[Row]) -> None:
    """Write the rows."""
    encode = msgspec.json.Encoder().encode
    file.write_bytes(b"".join(encode(row) + b"\n" for row in rows))


def read(file: Path) -> Results:
    """Read them back. Raises `msgspec.ValidationError`."""
    decoder = msgspec.json.Decoder(Row)
    return Results(decoder.decode(line) for line in file.read_bytes().splitlines())
