"""Records on disk: JSON Lines, appended row by row while a run goes on, and read back as one `Run`.

    RecordsError    the file is not what a run wrote, or a row is not one that could be read back

A run may end at any moment. So each row goes to the file in one write, a file without footer is incomplete and still
readable, and a last line that was torn in the middle is left out.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import msgspec

from reports.advertised import Surface
from reports.baseline import Baseline
from reports.exchange import Exchange
from reports.redaction import redact
from reports.rows import SCHEMA, Finding, Footer, Header, Judgement, Load, Row, Verdict

AnyRow = TypeVar("AnyRow", Header, Verdict, Finding, Surface, Load, Exchange, Footer)
FailOn = Literal["must", "should", "advice", "never"]


class RecordsError(ValueError):
    """A records file, or a row for one, is not valid; the message is one line that says where and why."""


@dataclass(frozen=True, slots=True)
class Run:
    """All rows of one run; `unknown` counts those of kinds not known here, `torn` says that the last was cut short.

    `baseline` and `fail_on` are no rows: they are what the rows are held against when they are rendered.
    """

    header: Header
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    loads: tuple[Load, ...] = ()
    footer: Footer | None = None
    unknown: int = 0
    torn: bool = False
    baseline: Baseline | None = None
    fail_on: FailOn = "must"
    exchanges: tuple[Exchange, ...] = ()
    surfaces: tuple[Surface, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the run came to its end: there is a footer, and it says so."""
        return self.footer is not None and self.footer.complete

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """Verdicts and findings, in this order."""
        return (*self.verdicts, *self.findings)


class Writer:
    """Appends rows to a new file at `path`, each flushed as it comes, with `secrets` taken out of every text.

    Safe to use from several threads, and after a KeyboardInterrupt. Raises OSError when the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], secrets: Iterable[str] = ()) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o644)
        self._secrets = tuple(secrets)

    def append(self, row: AnyRow) -> AnyRow:
        """Write one row and return it as it stands in the file, without secrets: the one to render.

        Raises RecordsError for a row that could not be read back, such as one with a NaN.
        """
        line = encode(row, self._secrets)
        left = line + b"\n"
        while left:
            left = left[os.write(self._descriptor, left) :]
        return msgspec.json.decode(line, type=type(row))

    def close(self) -> None:
        """Close the file; closing it twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Kind(msgspec.Struct, frozen=True):
    """As much of a row as tells what it is."""

    kind: str = ""


_ROW = msgspec.json.Decoder(Row)
_KIND = msgspec.json.Decoder(_Kind)
_KINDS = frozenset({"header", "verdict", "finding", "surface", "load", "exchange", "footer"})

# Words of the format, not of the run: a secret that happens to be one of them leaves them whole.
_VOCABULARY = frozenset({"kind", "outcome", "level", "direction", "model", "confirmed", "started", "histogram"})


def encode(row: Row, secrets: Sequence[str] = ()) -> bytes:
    """Return `row` as one line of JSON, without line feed. Raises RecordsError when it could not be read back."""

    def clean(text: str) -> str:
        return redact(text, secrets).encode("utf-8", "backslashreplace").decode()

    line = msgspec.json.encode(_map_texts(msgspec.to_builtins(row), clean))
    try:
        _ROW.decode(line)
    except msgspec.ValidationError as error:
        raise RecordsError(f"cannot record this {type(row).__name__.lower()}: {error}") from error
    return line


def read(path: str | os.PathLike[str]) -> Run:
    """Read the records at `path`. Raises OSError when it cannot be read, RecordsError when it is no records file."""
    try:
        return parse(Path(path).read_bytes())
    except RecordsError as error:
        raise RecordsError(f"{os.fspath(path)}: {error}") from error.__cause__


def parse(data: bytes) -> Run:
    """Read records from memory. Raises RecordsError with one line that says which line is wrong, and how."""
    *lines, last = data.split(b"\n")
    rows = [_row(line, number) for number, line in enumerate(lines, start=1) if line.strip()]
    torn = False
    if last.strip():
        try:
            rows.append(_row(last, len(lines) + 1))
        except RecordsError:
            if not rows:
                raise
            torn = True
    return _run(rows, torn=torn)


def _row(line: bytes, number: int) -> Row | None:
    """One line as a row, None for a kind of a later version."""
    try:
        kind = _KIND.decode(line).kind
        return _ROW.decode(line) if kind in _KINDS or not kind else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordsError(f"line {number} is not a record: {error}") from error


def _run(rows: list[Row | None], *, torn: bool) -> Run:
    header = rows[0] if rows else None
    if not isinstance(header, Header):
        raise RecordsError("not a records file: its first line is no header")
    if header.schema > SCHEMA:
        raise RecordsError(
            f"written by Touchstone {header.touchstone} in format {header.schema}; this one reads {SCHEMA}"
        )
    if any(isinstance(row, Header) for row in rows[1:]):
        raise RecordsError("holds more than one run: a second header follows the first")
    footers = [row for row in rows if isinstance(row, Footer)]
    return Run(
        header=header,
        verdicts=tuple(row for row in rows if isinstance(row, Verdict)),
        findings=tuple(row for row in rows if isinstance(row, Finding)),
        loads=tuple(row for row in rows if isinstance(row, Load)),
        footer=footers[-1] if footers else None,
        unknown=sum(row is None for row in rows),
        torn=torn,
        exchanges=tuple(row for row in rows if isinstance(row, Exchange)),
        surfaces=tuple(row for row in rows if isinstance(row, Surface)),
    )


# `Any`: JSON values, whatever they are.
def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {
                change(key): member if key in _VOCABULARY else _map_texts(member, change)
                for key, member in value.items()
            }
        case list() | tuple():
            return [_map_texts(member, change) for member in value]
        case _:
            return value
