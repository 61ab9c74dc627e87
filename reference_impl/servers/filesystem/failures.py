"""What goes wrong with files, in words that a model can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from reference_impl.server import ToolError
from reference_impl.servers.filesystem.beneath import OutsideError

__all__ = ["told"]

_WORDS: dict[int, str] = {
    errno.ENOENT: "there is no such file or directory",
    errno.ENOTDIR: "this, or something on the way to it, is not a directory",
    errno.EISDIR: "this is a directory",
    errno.ENODEV: "this is no regular file (a pipe, socket or device)",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EEXIST: "it is there already",
    errno.ENOTEMPTY: "the directory is not empty",
    errno.EBUSY: "it is in use",
    errno.ENOSPC: "no space left on the device; nothing was changed",
    errno.EDQUOT: "the disk quota is used up; nothing was changed",
    errno.EFBIG: "the file would be larger than the system allows; nothing was changed",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "a name in it is too long",
    errno.ELOOP: "symbolic links lead in a circle, or something became a link just now",
    errno.EXDEV: "source and destination are on different file systems: write a copy and delete the source",
    errno.EINVAL: "the system does not allow this (a directory cannot move into itself)",
    errno.ESTALE: "it has changed meanwhile: read it again",
    errno.EMFILE: "the server has too many files open: try again later",
    errno.ENFILE: "the system has too many files open: try again later",
    errno.EIO: "the device failed to read or write",
}


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn what happens at `path`, as the client called it, into `ToolError`."""
    try:
        yield
    except OutsideError:
        raise ToolError(f"{path}: a symbolic link leads out of the directories that may be used") from None
    except TimeoutError:
        raise ToolError(f"{path}: there is so much here that it takes too long; go to a part of it") from None
    except OSError as error:
        reason = _WORDS.get(error.errno or 0, "the system refused it")
        raise ToolError(f"{path}: {reason}") from None
