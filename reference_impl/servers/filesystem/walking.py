"""Names in directories: one directory in pages, or everything beneath one, always in the same order."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Literal

from reference_impl.servers.filesystem.beneath import Parts, Place, directory, strictly
from reference_impl.servers.filesystem.job import Job
from reference_impl.servers.filesystem.limits import MOST_DEPTH

__all__ = ["Found", "Kind", "page", "shown", "walk"]

Kind = Literal["file", "directory", "symlink", "other"]
_STEP = 1000
"""Names between two looks at the clock, and at whether the work is still wanted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A name beneath the directory that was looked at, and what has that name; links are not followed."""

    parts: Parts
    kind: Kind

    @property
    def name(self) -> str:
        """The name alone."""
        return self.parts[-1]


def shown(text: str) -> str:
    """Return a name as JSON can hold it: bytes that are no UTF-8 are written as `\\xff`, and cannot be asked for."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return "symlink"
    if entry.is_dir(follow_symlinks=False):
        return "directory"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


def _entries(descriptor: int, job: Job) -> Iterator[Found]:
    with os.scandir(descriptor) as entries:
        for number, entry in enumerate(entries):
            if number % _STEP == 0:
                job.step()
                if number and job.late:
                    raise TimeoutError
            yield Found((entry.name,), _kind(entry))


def page(descriptor: int, job: Job, after: str, limit: int, begins: str = "") -> list[Found]:
    """Return the first `limit` entries of an open directory behind the name `after`, by name as it is shown, however
    many there are; only those whose names begin with `begins`. Raises `AbandonedError` and `OSError`, which is
    `TimeoutError` if there are too many."""
    names = ((shown(found.name), found) for found in _entries(descriptor, job))
    wanted = (found for name, found in names if name > after and name.startswith(begins))
    return heapq.nsmallest(limit, wanted, key=lambda found: shown(found.name))


def walk(place: Place, job: Job, enter: Callable[[Found], bool]) -> Generator[Found, None, None]:
    """Yield everything beneath a directory, by name, each directory before what is in it.

    Goes into directories that `enter` admits, never through a link. What vanishes or cannot be read meanwhile is
    passed over. Raises `AbandonedError`, and `OutsideError` and `OSError` for the directory itself.
    """
    with directory(place) as top:
        stack = [iter(_sorted(top, job))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                continue
            job.step()
            yield found
            if found.kind == "directory" and len(found.parts) < MOST_DEPTH and enter(found):
                stack.append(iter(_below(top, found.parts, job)))


def _sorted(descriptor: int, job: Job) -> list[Found]:
    return sorted(_entries(descriptor, job), key=lambda found: found.name)


def _below(top: int, parts: Parts, job: Job) -> list[Found]:
    try:
        descriptor = strictly(top, parts)
    except OSError:
        return []
    try:
        return [Found((*parts, found.name), found.kind) for found in _sorted(descriptor, job)]
    except OSError:
        return []
    finally:
        os.close(descriptor)
