"""Reaching what lies beneath a directory, and nothing else.

Each component of a path is opened by itself, relative to the descriptor of the directory before it, and never through a
symbolic link. A link is read and followed here, component by component, as long as it stays beneath the root. So what
is reached was beneath the root when it was opened, whatever anybody renames or links meanwhile: there is no moment
between a check and its use.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from reference_impl.servers.filesystem.limits import MOST_DEPTH

__all__ = ["OutsideError", "Parts", "Place", "Root", "directory", "holder", "parts_of", "regular", "strictly"]

Parts = tuple[str, ...]
"""Names of directories, one in the other, with a file's name or a directory's at the end."""

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PASS = _DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)
"""Opens a directory to pass through; where the system can (`O_PATH`), its names need not be readable."""
# A pipe must not be waited for, a terminal not be taken over: both are refused once they are seen for what they are.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_MOST_LINKS = 40


class OutsideError(Exception):
    """What was named is beneath no root, or a link there leads out."""


@dataclass(frozen=True, slots=True)
class Root:
    """A directory that may be used: its real path, and the paths by which clients may call it."""

    path: str
    aliases: tuple[Parts, ...]

    @classmethod
    def at(cls, path: str) -> Root:
        """Return the root at a path as it is now, symbolic links resolved."""
        given, real = os.path.abspath(path), os.path.realpath(path)  # noqa: PTH100 - aliases are names
        return cls(real, tuple(dict.fromkeys((parts_of(real), parts_of(given)))))

    def within(self, parts: Parts) -> Root:
        """Return the root for something beneath this one."""
        return Root(_joined(self.path, parts), tuple(alias + parts for alias in self.aliases))

    def beneath(self, path: str) -> Parts | None:
        """Return what is left of an absolute path beneath this root, compared component by component, or None."""
        parts = parts_of(path)
        for alias in sorted(self.aliases, key=len, reverse=True):
            if parts[: len(alias)] == alias:
                return parts[len(alias) :]
        return None

    def open(self) -> int:
        """Return a descriptor of the root. Nothing on the way may have become a link since. Raises `OSError`."""
        top = os.open("/", _PASS)
        try:
            return strictly(top, parts_of(self.path), _PASS)
        finally:
            os.close(top)


@dataclass(frozen=True, slots=True)
class Place:
    """Something beneath a root, which need not exist; `parts` are names only, without `..`."""

    root: Root
    parts: Parts

    @property
    def path(self) -> str:
        """The absolute path, as clients may say it."""
        return _joined(self.root.path, self.parts)

    @property
    def name(self) -> str:
        """The last component."""
        return self.parts[-1] if self.parts else PurePosixPath(self.root.path).name

    def child(self, *names: str) -> Place:
        """Return what is beneath this place."""
        return Place(self.root, self.parts + names)


def parts_of(path: str) -> Parts:
    """Return the names in a path."""
    return tuple(part for part in path.split("/") if part not in ("", "."))


def _joined(path: str, parts: Parts) -> str:
    return "/".join((path.rstrip("/"), *parts)) or "/"


def strictly(top: int, parts: Sequence[str], flags: int = _DIRECTORY | os.O_RDONLY) -> int:
    """Return a new descriptor of a directory beneath the open directory `top`, following no link at all.

    `flags` are those of the last step. Raises `OSError`.
    """
    descriptor = os.open(".", flags if not parts else _PASS, dir_fd=top)
    for index, part in enumerate(parts, 1):
        above, descriptor = descriptor, -1
        try:
            descriptor = os.open(part, flags if index == len(parts) else _PASS, dir_fd=above)
        finally:
            os.close(above)
    return descriptor


@contextmanager
def holder(place: Place, *, follow: bool = True) -> Iterator[tuple[int, str]]:
    """Yield the descriptor of the directory that holds what `place` names, and its name there (`.` for the root).

    With `follow`, the name was that of no link; who opens it adds `O_NOFOLLOW`, as another may be put in its place.
    Raises `OutsideError` where a link leads out, and `OSError`.
    """
    way = _Way(place.root)
    try:
        name = way.go(place.parts, follow=follow)
        yield way.descriptor, name
    finally:
        way.close()


class _Way:
    """A way down from a root: `_passed` are the names of real directories, `descriptor` is that of the last of them."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._top = root.open()
        self._passed: list[str] = []
        self.descriptor = os.dup(self._top)

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self._top)

    def go(self, parts: Parts, *, follow: bool) -> str:
        """Pass all but the last component; return that, or `.` if the way ends where it stands."""
        ahead, links = deque(parts), 0
        while ahead:
            part = ahead.popleft()
            last = not ahead
            if part == "..":  # links have it, paths never
                self._back()
            elif last and not follow:
                return part
            else:
                target = self._link(part) if last else self._pass(part)
                if target is not None:
                    links += 1
                    self._turn(target, ahead, links)
                elif last:
                    return part
        return "."

    def _pass(self, part: str) -> str | None:
        """Enter a directory, or return where the link points that stands in its place."""
        try:
            below = os.open(part, _PASS, dir_fd=self.descriptor)
        except OSError as error:
            target = self._link(part) if error.errno in (errno.ENOTDIR, errno.ELOOP) else None
            if target is None:
                raise
            return target
        os.close(self.descriptor)
        self.descriptor = below
        self._passed.append(part)
        return None

    def _link(self, part: str) -> str | None:
        try:
            return os.readlink(part, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    def _turn(self, target: str, ahead: deque[str], links: int) -> None:
        """Go where a link points: from here, or from the root if its absolute path is beneath that."""
        parts: Parts | None = parts_of(target)
        if target.startswith("/"):
            parts = self._root.beneath(target)
            self._return(0)
        if parts is None:
            raise OutsideError
        if links > _MOST_LINKS or len(ahead) + len(parts) > MOST_DEPTH:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        ahead.extendleft(reversed(parts))

    def _back(self) -> None:
        if not self._passed:
            raise OutsideError
        self._return(len(self._passed) - 1)

    def _return(self, depth: int) -> None:
        """Stand in an earlier directory again: found from the root, for `..` of one that was moved leads elsewhere."""
        del self._passed[depth:]
        there = strictly(self._top, self._passed, _PASS)
        os.close(self.descriptor)
        self.descriptor = there


@contextmanager
def directory(place: Place) -> Iterator[int]:
    """Yield a descriptor of a directory that can be listed. Raises `OutsideError` and `OSError`."""
    with holder(place) as (above, name):
        descriptor = os.open(name, _DIRECTORY | os.O_RDONLY, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def regular(place: Place) -> Iterator[int]:
    """Yield a descriptor of a regular file to read. Raises `OutsideError`, and `OSError`: `EISDIR` for a directory,
    `ENODEV` for a pipe, socket or device, which is not even opened."""
    with holder(place) as (above, name):
        demand_regular(os.stat(name, dir_fd=above, follow_symlinks=False))
        descriptor = os.open(name, _FILE, dir_fd=above)
    try:
        demand_regular(os.fstat(descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def demand_regular(found: os.stat_result) -> None:
    """Raise `OSError` unless this is a regular file."""
    if not stat.S_ISREG(found.st_mode):
        code = errno.EISDIR if stat.S_ISDIR(found.st_mode) else errno.ENODEV
        raise OSError(code, os.strerror(code))
