"""Files of an audit log by their descriptors: opened privately, claimed, mended, and written to whole or not at all."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reference_impl.security.audit_chain import LARGEST_LINE
from reference_impl.security.audit_files import AuditError

__all__ = ["claimed", "last_line", "opened", "same_file", "torn_bytes", "write_whole"]

_PAUSE = 0.001


@contextmanager
def claimed(handle: int, path: Path, patience: float) -> Iterator[None]:
    """Keep other processes from writing for the length of a block.

    Raises `AuditError` if another one does not let go within `patience` seconds.
    """
    import fcntl  # on POSIX systems alone

    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                raise AuditError(f"{path}: another process does not let go of this audit log") from None
            time.sleep(_PAUSE)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def opened(path: Path) -> int:
    """Open a file to append to, made private if it is new; never through a link. Raises `OSError`, `AuditError`."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise AuditError(f"{path}: no regular file")
    return handle


def same_file(handle: int, path: Path) -> bool:
    """Tell whether a path still leads to an open file."""
    try:
        there, ours = path.stat(), os.fstat(handle)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def torn_bytes(handle: int) -> int:
    """Return how many bytes a last line has that was never finished: the process died over it."""
    size = os.fstat(handle).st_size
    tail = os.pread(handle, LARGEST_LINE, max(0, size - LARGEST_LINE))
    return len(tail) - (tail.rfind(b"\n") + 1)


def last_line(path: Path) -> bytes | None:
    """Return the last finished line of a file, or None if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 2 * LARGEST_LINE))
            whole, _, _ = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return None
    return whole.rpartition(b"\n")[2] + b"\n" if whole else None


def write_whole(handle: int, line: bytes, at: int) -> None:
    """Write a line at the end, or nothing of it. Raises `OSError`."""
    written = 0
    try:
        while written < len(line):
            written += os.pwrite(handle, line[written:], at + written)
    except OSError:
        os.ftruncate(handle, at)
        raise
