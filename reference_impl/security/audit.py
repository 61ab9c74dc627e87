"""The audit log: who was allowed what, written so that nobody changes it unnoticed.

Append-only JSON Lines in a file of mode 0600, chained by hashes (`audit_chain`), rotated by size with the chain going
on (`audit_files` reads and verifies), with secrets redacted by value. Threads may share an `AuditLog`, and processes a
file: hosts start the same server more than once.

    with AuditLog("audit.jsonl") as log:
        log.append({"operation": "tools/call", "resource": "files/delete", "granted": False})
    assert verify("audit.jsonl").whole
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from reference_impl.security.audit_chain import LARGEST_LINE, NOTHING, RESERVED, Chain, read_line
from reference_impl.security.audit_files import (
    AuditError,
    Head,
    Verification,
    full_files,
    head_of,
    read_entries,
    read_head,
    verify,
)
from reference_impl.security.audit_handles import claimed, last_line, opened, same_file, torn_bytes, write_whole
from reference_impl.security.redaction import Redactor

__all__ = ["Audit", "AuditError", "AuditLog", "AuditOptions", "MemoryAudit", "Verification", "read_audit_key", "verify"]

_HEAD_SIZE = 512
"""Bytes that the note of the last entry is padded to, so that it is overwritten in one piece."""
_SHORTEST_KEY = 16
_FIRST = b'{"sequence":1,'
"""How a log begins, if only in part."""


class Audit(Protocol):
    """Where decisions are written to, and read again."""

    def append(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write one entry and return it as it was written. Raises `AuditError` if it is not certain to be kept."""
        ...

    def entries(self, since: float | None = None) -> list[dict[str, Any]]:
        """Return the entries from a time on, in Unix seconds; oldest first."""
        ...


class MemoryAudit:
    """An audit log that ends with the process: the last `most` entries."""

    def __init__(
        self, most: int = 10_000, redactor: Redactor | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=most)
        self._redactor, self._clock = redactor or Redactor(), clock

    def append(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Keep one entry."""
        entry = {"timestamp": self._clock(), **self._redactor.clean(event)}
        self._kept.append(entry)
        return entry

    def entries(self, since: float | None = None) -> list[dict[str, Any]]:
        """Return what is kept from a time on."""
        return [dict(entry) for entry in list(self._kept) if since is None or entry["timestamp"] >= since]


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """How a log is kept.

    `key` makes the hashes HMACs (at least 16 secret bytes). A file that would grow beyond `largest` bytes is set aside;
    `keep` full files are kept, all if None. `patience` is how many seconds to wait for another process that is writing.
    `sync` says when entries are forced to the disk: each before `append`
    returns, at most once a second, or when the system likes; a crash of the machine, not of the process, may take what
    was not forced.
    """

    key: bytes | None = field(default=None, repr=False)
    largest: int = 64 * 1024 * 1024
    keep: int | None = None
    patience: float = 5.0
    sync: Literal["always", "second", "never"] = "second"

    def __post_init__(self) -> None:
        if self.key is not None and len(self.key) < _SHORTEST_KEY:
            raise AuditError(f"the key of an audit log has at least {_SHORTEST_KEY} bytes")


def read_audit_key(path: str | Path) -> bytes:
    """Return the key in a file that its owner alone may read, without white space around it. Raises `AuditError`."""
    try:
        mode, key = Path(path).stat().st_mode, Path(path).read_bytes().strip()
    except OSError as error:
        raise AuditError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise AuditError(f"{path}: others may read the key; make it private with chmod 600")
    if len(key) < _SHORTEST_KEY:
        raise AuditError(f"{path}: the key of an audit log has at least {_SHORTEST_KEY} bytes")
    return key


class AuditLog:
    """Writes one audit log. Raises `AuditError` where it cannot go on from what is there: its end was cut off, or its
    key is another.

    `redactor` takes secrets out of what is written; `clock` gives Unix seconds.
    """

    def __init__(
        self,
        path: str | Path,
        options: AuditOptions | None = None,
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if os.name != "posix":
            raise AuditError(f"{path}: an audit log in a file needs locks and writes that only POSIX systems have")
        self.path = Path(path)
        self.options = options or AuditOptions()
        self.redactor = redactor or Redactor()
        self._clock = clock
        self._chain = Chain(self.options.key)
        self._lock = threading.Lock()
        self._synced = -1.0
        self._file = self._noting = -1
        self._last, self._noted, self._size = Head(0, NOTHING), b"", 0
        try:
            self._noting = opened(head_of(self.path))
            self._file = opened(self.path)
            with claimed(self._noting, self.path, self.options.patience):
                self._go_on()
        except OSError as error:
            self.close()
            raise self._told(error) from None
        except AuditError:
            self.close()
            raise

    def append(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write one entry, redacted, and return it. Raises `AuditError` if it could not be written; then nothing of it
        is left, and the next one may succeed."""
        cleaned = self.redactor.clean(event)
        if any(name in cleaned for name in RESERVED):
            raise ValueError(f"an event has none of {', '.join(RESERVED)}: these are the log's own")
        with self._lock:
            if self._file < 0:
                raise AuditError(f"{self.path}: the audit log is closed")
            try:
                with claimed(self._noting, self.path, self.options.patience):
                    self._catch_up()
                    return self._append(cleaned)
            except OSError as error:
                raise self._told(error) from None

    def entries(self, since: float | None = None) -> list[dict[str, Any]]:
        """Return the newest 10 000 entries from a time on, oldest first."""
        return read_entries(self.path, since)

    def verify(self) -> Verification:
        """Check all that is there; see `audit_files.verify`."""
        with self._lock:
            return verify(self.path, self.options.key)

    def close(self) -> None:
        """Force everything to the disk and let others write; may be called twice."""
        with self._lock:
            for handle in (self._file, self._noting):
                if handle >= 0:
                    os.close(handle)
            self._file = self._noting = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _told(self, error: OSError) -> AuditError:
        return AuditError(f"{self.path}: the audit log cannot be written: {(error.strerror or 'failed').lower()}")

    # What is there -------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Go on behind what other processes have written meanwhile."""
        if not same_file(self._noting, head_of(self.path)):
            raise AuditError(
                f"{head_of(self.path)}: taken away under whoever writes; move the log away and start again"
            )
        if not same_file(self._file, self.path):  # another one has set it aside
            fresh = opened(self.path)
            os.close(self._file)
            self._file = fresh
        elif os.pread(self._noting, _HEAD_SIZE, 0) == self._noted and os.fstat(self._file).st_size == self._size:
            return
        self._go_on()

    def _go_on(self) -> None:
        """Find the last entry, and go on behind it. Where that cannot be, everything is left as it is."""
        torn = torn_bytes(self._file)
        self._last = self._found()
        self._noted, self._size = os.pread(self._noting, _HEAD_SIZE, 0), os.fstat(self._file).st_size - torn
        self._demand_end(torn)
        if torn:
            os.ftruncate(self._file, self._size)
            self._append({"event": "recovered", "lost_bytes": torn})

    def _demand_end(self, torn: int) -> None:
        """Check that the log ends where its note says it does. Raises `AuditError`."""
        try:
            noted = read_head(self._noted, self._chain)
        except AuditError as error:
            raise AuditError(f"{head_of(self.path)}: {error}; move the log away") from None
        if noted is None and self._last.sequence:
            raise AuditError(
                f"{head_of(self.path)}: missing, so nobody can tell whether entries are; move the log away"
            )
        beginning = os.pread(self._file, len(_FIRST), self._size)
        if noted is None and torn and not _FIRST.startswith(beginning):
            raise AuditError(f"{self.path}: no audit log; name another file")
        if noted is not None and noted.sequence > self._last.sequence:
            raise AuditError(
                f"{self.path}: entries {self._last.sequence + 1} to {noted.sequence} are gone; move it away"
            )
        if noted is not None and noted.sequence == self._last.sequence and noted != self._last:
            raise AuditError(f"{self.path}: the last entry was changed; move it away")

    def _found(self) -> Head:
        """Return which entry is the last, in this file or the newest full one."""
        for path in (self.path, *reversed(full_files(self.path))):
            line = last_line(path)
            if line is None:
                continue
            entry, found = read_line(line), self._chain.hash_of(line)
            if entry is None or found is None:
                raise AuditError(f"{path}: the last entry was changed, or the key is another; move it away")
            return Head(entry["sequence"], found)
        return Head(0, NOTHING)

    # What is written -----------------------------------------------------------------------------

    def _append(self, event: Mapping[str, Any]) -> dict[str, Any]:
        sequence = self._last.sequence + 1
        own = {"sequence": sequence, "timestamp": self._clock(), "previous": self._last.hash}
        line, found = self._chain.line({**own, **event})
        if len(line) > LARGEST_LINE:
            event = {**event, "context": f"[{len(line)} bytes, too many]"}
            line, found = self._chain.line({**own, **event})
        if len(line) > LARGEST_LINE:
            raise AuditError(f"{self.path}: an entry of {len(line)} bytes is too large")
        if self._size and self._size + len(line) > self.options.largest:
            self._rotate()
        write_whole(self._file, line, self._size)
        note = self._chain.line({"sequence": sequence, "timestamp": own["timestamp"], "previous": found})[0]
        noted = note[:-1].ljust(_HEAD_SIZE - 1) + b"\n"
        try:
            os.pwrite(self._noting, noted, 0)
            self._force()
        except OSError:
            os.ftruncate(self._file, self._size)
            self._noted = b""  # whatever is there now: look before going on
            raise
        self._last, self._noted, self._size = Head(sequence, found), noted, self._size + len(line)
        return {**own, **event, "hash": found}

    def _force(self) -> None:
        """Force to the disk what the options want forced now."""
        now = time.monotonic()
        if self.options.sync == "always" or (self.options.sync == "second" and now - self._synced >= 1):
            os.fsync(self._file)
            os.fsync(self._noting)
            self._synced = now

    def _rotate(self) -> None:
        """Set the file aside and begin another. The chain goes on."""
        full = full_files(self.path)
        number = int(full[-1].name.rpartition(".")[2]) + 1 if full else 1
        os.fsync(self._file)
        if self.path.exists():  # not if the last attempt came no further
            self.path.rename(self.path.with_name(f"{self.path.name}.{number}"))
        fresh = opened(self.path)
        os.close(self._file)
        self._file, self._size = fresh, 0
        if self.options.keep is not None:
            for old in full_files(self.path)[: -self.options.keep or None]:
                old.unlink()
