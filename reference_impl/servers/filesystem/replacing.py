"""Putting a file in place as a whole: readers see the old one or the new one, and no failure leaves half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable
from typing import Literal

__all__ = ["Signature", "put", "signature", "without_replacing"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1024 * 1024
_PLAIN = 0o777
"""The bits of a mode that a new content keeps; a file that runs as its owner does so no more once it is written."""

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)

Signature = tuple[int, int, int, int]
"""What changes when a file does: device, inode, size and time of change."""
Expected = Signature | Literal["any"] | None


def signature(known: os.stat_result) -> Signature:
    """Return the signature of a file."""
    return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns


def put(above: int, name: str, body: bytes, step: Callable[[], None], *, expected: Expected) -> bool:
    """Put a file into the open directory `above`; return whether it is a new one.

    `expected` is the signature that the old file must still have, None if there must be none. The new content is
    written beside it, forced to the disk and renamed; a file that was there lends its permissions and its owner. Raises
    `OSError`: `EEXIST` where there must be none, `ESTALE` where it is another by now, `EACCES` where it is read-only.
    """
    old = _there(above, name)
    if old is not None and not stat.S_ISREG(old.st_mode):
        code = errno.EISDIR if stat.S_ISDIR(old.st_mode) else errno.ENODEV
        raise OSError(code, os.strerror(code))
    if old is not None and not os.access(name, os.W_OK, dir_fd=above):  # renaming does not ask for this
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    beside = f".{secrets.token_hex(8)}.tmp"
    descriptor = os.open(beside, _NEW, 0o666 if old is None else 0o600, dir_fd=above)  # it may be a secret
    try:
        try:
            _fill(descriptor, body, step)
            _resemble(descriptor, old)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _demand(_there(above, name), expected)
        if expected is not None or not without_replacing(above, beside, above, name):
            os.rename(beside, name, src_dir_fd=above, dst_dir_fd=above)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=above)
    _settle(above)
    return old is None


def without_replacing(source: int, old: str, target: int, new: str) -> bool:
    """Give the file `old` in one open directory the further name `new` in another: as atomic as renaming, but never in
    place of something. Return False where the file system has no further names. Raises `OSError` (`EEXIST`)."""
    try:
        os.link(old, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _there(above: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _demand(old: os.stat_result | None, expected: Expected) -> None:
    if expected == "any":
        return
    if expected is None:
        code = 0 if old is None else errno.EEXIST
    else:
        code = 0 if old is not None and signature(old) == expected else errno.ESTALE
    if code:
        raise OSError(code, os.strerror(code))


def _fill(descriptor: int, body: bytes, step: Callable[[], None]) -> None:
    rest = memoryview(body)
    while rest:
        step()
        rest = rest[os.write(descriptor, rest[:_CHUNK]) :]


def _resemble(descriptor: int, old: os.stat_result | None) -> None:
    if old is None:
        return
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
        with contextlib.suppress(PermissionError):  # only a privileged server can give files away
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & _PLAIN)


def _settle(above: int) -> None:
    """Force the rename to the disk, where directories can be forced."""
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=above)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
