"""The files of an audit log, read: which there are, what they hold since when, and whether the chain is whole.

`FILE` is written to; `FILE.1`, `FILE.2`, ... were full, the lowest number the oldest; `FILE.head` says which entry was
the last. Reading takes no more memory than a line and what is asked for.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from reference_impl.security.audit_chain import LARGEST_LINE, NOTHING, Chain, read_line

__all__ = [
    "AuditError",
    "Head",
    "Verification",
    "each_entry",
    "full_files",
    "head_of",
    "read_entries",
    "read_head",
    "verify",
]

_MOST_PROBLEMS = 20


class AuditError(Exception):
    """An audit log cannot be written or read; `str()` of it is one line that says why."""


class Head(NamedTuple):
    """Which entry was the last: its number, from 1 on, and its hash."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a chain. `entries` were read, numbered `first` to `last`; `hash` is that of the last one.

    `problems` says in words what does not fit, 20 at the most; `notes` what could not be told.
    """

    entries: int
    first: int
    last: int
    hash: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems


def full_files(path: Path) -> list[Path]:
    """Return the files that were written full, the oldest first."""
    form = re.compile(re.escape(path.name) + r"\.([1-9][0-9]*)")
    found = ((form.fullmatch(file.name), file) for file in path.parent.iterdir())
    return [file for _, file in sorted((int(match[1]), file) for match, file in found if match)]


def head_of(path: Path) -> Path:
    """Return where the last entry is noted."""
    return path.with_name(f"{path.name}.head")


def read_head(data: bytes, chain: Chain) -> Head | None:
    """Return what a head file says, or None if it is empty. Raises `AuditError` if it was changed."""
    if not data.strip():
        return None
    line = data.split(b"\n", 1)[0].rstrip(b" ")
    entry = read_line(line)
    match entry:
        case {"sequence": int(sequence), "previous": str(found)} if chain.hash_of(line) is not None:
            return Head(sequence, found)
    raise AuditError("the note of the last entry does not fit: it was changed, or the key is another")


def read_entries(
    path: str | Path, since: float | None = None, until: float | None = None, limit: int = 10_000
) -> list[dict[str, Any]]:
    """Return what `each_entry` yields; of more than `limit` the newest. Raises `AuditError`."""
    return list(deque(each_entry(path, since, until), limit))


def each_entry(path: str | Path, since: float | None = None, until: float | None = None) -> Iterator[dict[str, Any]]:
    """Yield the entries with `since <= timestamp < until` (Unix seconds), oldest first. Lines that are no entries are
    left out: `verify` tells of them. Raises `AuditError`."""
    for _, line in _lines(Path(path)):
        entry = read_line(line)
        if entry is not None and _within(entry["timestamp"], since, until):
            yield entry


def _within(at: float, since: float | None, until: float | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


def verify(path: str | Path, key: bytes | None = None, known: str | None = None) -> Verification:
    """Check the chain over all files of a log.

    Found are entries that were changed, removed, added or moved, and an end that was cut off, as long as `FILE.head`
    is as the log left it. With a `key` nobody without it can repair the chain or the head after a change; without one,
    anybody can who may write the files. Whoever puts back an older state of all files together is found only by
    `known`: the hash of an entry, noted elsewhere, that has to be there. Whole files may be missing before the oldest:
    that is a note. Raises `AuditError` if nothing can be read.
    """
    return _Walk(Path(path), Chain(key), known).walked(keyed=key is not None)


class _Walk:
    """One way through a chain."""

    def __init__(self, path: Path, chain: Chain, known: str | None) -> None:
        self._path, self._chain, self._known = path, chain, known
        self._entries, self._first = 0, 0
        self._last = Head(0, NOTHING)
        self._problems: list[str] = []
        self._notes: list[str] = []
        self._met: set[Head] = set()
        full = full_files(path)
        self._thinned = bool(full) and not full[0].name.endswith(".1")  # the oldest were taken away, whole

    def walked(self, *, keyed: bool) -> Verification:
        head = self._head(keyed=keyed)
        for where, line in _lines(self._path):
            self._judge(where, line, head)
        if head is not None and head not in self._met:
            gone = head.sequence > self._last.sequence
            how = f"entries are missing at the end, up to {head.sequence}" if gone else "it was replaced"
            self._found(f"entry {head.sequence}, the last that was noted, is not there: {how}")
        if self._known is not None and all(self._known != met.hash for met in self._met):
            self._found("the entry with the given hash is not there")
        if self._first > 1:
            self._notes.append(f"entries before {self._first} are in files that are not here")
        found = self._last
        return Verification(
            self._entries, self._first, found.sequence, found.hash, tuple(self._problems), tuple(self._notes)
        )

    def _head(self, *, keyed: bool) -> Head | None:
        try:
            head = read_head(_regular(head_of(self._path)).read_bytes(), self._chain)
        except OSError:
            head = None
        except AuditError as error:
            self._found(str(error))
            return None
        if head is None:
            tell = self._found if keyed else self._notes.append
            tell(f"{head_of(self._path).name} is missing: whether the end was cut off cannot be told")
        return head

    def _judge(self, where: str, line: bytes, head: Head | None) -> None:
        entry = read_line(line)
        if entry is None or not line.endswith(b"\n"):
            self._found(f"{where}: no whole entry")
            return
        self._entries += 1
        self._first = self._first or entry["sequence"]
        expected = self._last
        starts = expected == Head(0, NOTHING) and self._thinned
        if not starts and (entry["sequence"], entry["previous"]) != (expected.sequence + 1, expected.hash):
            self._found(f"{where}: entry {entry['sequence']} does not follow entry {expected.sequence}")
        if self._chain.hash_of(line) is None:
            self._found(f"{where}: entry {entry['sequence']} was changed, or the key is another")
        self._last = Head(entry["sequence"], entry["hash"])
        if self._last == head or entry["hash"] == self._known:
            self._met.add(self._last)

    def _found(self, problem: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(problem)


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each line of all files and where it is. Raises `AuditError`."""
    try:
        files = full_files(path)
        files += [path] if path.exists() or not files else []
        for file in files:
            with _regular(file).open("rb") as stream:
                for number, line in enumerate(_bounded(stream), 1):
                    yield f"{file.name}:{number}", line
    except OSError as error:
        raise AuditError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None


def _regular(path: Path) -> Path:
    """Return a path unless it leads to something else than a file: a pipe would be waited for. Raises `AuditError`."""
    if path.exists() and not path.is_file():
        raise AuditError(f"{path}: no regular file")
    return path


def _bounded(stream: Any) -> Iterator[bytes]:
    """Yield lines; one that is too long comes in pieces, none of which is an entry."""
    while line := stream.readline(LARGEST_LINE + 1):
        yield line
