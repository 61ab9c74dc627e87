"""Tools that search: for names, and for text in files."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import closing
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from reference_impl.servers.filesystem.beneath import OutsideError, Parts, Place, holder, regular
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.globbing import Glob, States
from reference_impl.servers.filesystem.offers import READS, Arguments, Errand, Offer, PathText
from reference_impl.servers.filesystem.patterns import finder
from reference_impl.servers.filesystem.text import pieces, pread
from reference_impl.servers.filesystem.walking import Found, Kind, shown, walk

__all__ = ["OFFERS"]

Ending = Literal["complete", "limit", "time"]
End = Annotated[
    Ending, Meta(description="Whether all was searched, or why not: more results than the limit, or time was up")
]
Excluded = Annotated[tuple[str, ...], Meta(max_length=50, description="Globs of names or paths not to look into")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Results at the most")]
_LONGEST_LINE = 400
_LOOK = 8192
"""Bytes at the beginning of a file in which a NUL shows that it is no text."""
_STEP = 1000
"""Lines between two looks at the clock."""


class SearchFiles(Arguments, frozen=True):
    """Arguments of `search_files`."""

    pattern: Annotated[
        str,
        Meta(min_length=1, description="Glob: *.py at any depth, or src/**/test_*.py from the directory searched"),
    ]
    path: PathText = "."
    type: Literal["any", "file", "directory"] = "any"
    ignore_case: bool = False
    exclude: Excluded = (".git",)
    limit: Limit = 100


class Named(msgspec.Struct, frozen=True):
    """One name that fits."""

    path: Annotated[str, Meta(description="Relative to the directory that was searched")]
    type: Kind


class Names(msgspec.Struct, frozen=True):
    """What a search for names found."""

    path: str
    results: list[Named]
    looked_at: Annotated[int, Meta(description="Names that were looked at")]
    end: End


class SearchText(Arguments, frozen=True):
    """Arguments of `search_text`."""

    query: Annotated[str, Meta(min_length=1, max_length=1000, description="What a line has to contain")]
    path: PathText = "."
    regex: Annotated[bool, Meta(description="Take the query for a regular expression (RE2: no lookaround)")] = False
    ignore_case: bool = False
    include: Annotated[str, Meta(description="Glob of the files to search, such as *.py")] = "**"
    exclude: Excluded = (".git",)
    limit: Limit = 100


class Line(msgspec.Struct, frozen=True):
    """One line that contains what was searched."""

    path: Annotated[str, Meta(description="Relative to the directory that was searched")]
    line: Annotated[int, Meta(description="Counted from 1")]
    column: Annotated[int, Meta(description="Where the match begins, in characters counted from 1")]
    text: Annotated[str, Meta(description="The line, or of a long one the part with the match")]


class Lines(msgspec.Struct, frozen=True):
    """What a search for text found."""

    path: str
    results: list[Line]
    files: Annotated[int, Meta(description="Files that were searched")]
    skipped: Annotated[int, Meta(description="Files passed over: too large, binary or not readable")]
    end: End


class _Scope:
    """A walk that goes where a glob can match and nothing is excluded, until time is up (`late`)."""

    def __init__(self, errand: Errand, glob: Glob, exclude: tuple[str, ...]) -> None:
        self._job = errand.job
        self._glob = glob
        self._exclude = [Glob(pattern) for pattern in exclude]
        self.looked_at = 0
        self.late = False

    def walk(self, place: Place) -> Generator[Found, None, None]:
        """Yield what matches. Raises as `walking.walk`."""
        states: dict[Parts, States] = {(): self._glob.start}
        with closing(walk(place, self._job, lambda found: bool(states.get(found.parts)))) as everything:
            for found in everything:
                if self._job.late:
                    self.late = True
                    return
                self.looked_at += 1
                if any(without.matches(found.parts) for without in self._exclude):
                    continue
                here = self._glob.step(states[found.parts[:-1]], found.name)
                if found.kind == "directory":
                    states[found.parts] = here
                if self._glob.accepts(here):
                    yield found


def search_files(errand: Errand, arguments: SearchFiles) -> Names:
    """Return the names beneath a directory that match a glob."""
    place = errand.place(arguments.path)
    glob = Glob(arguments.pattern, ignore_case=arguments.ignore_case)
    limit = min(arguments.limit, errand.limits.results)
    scope = _Scope(errand, glob, arguments.exclude)
    results: list[Named] = []
    end: Ending = "complete"
    with told(arguments.path), closing(scope.walk(place)) as matching:
        for found in matching:
            if arguments.type not in ("any", found.kind):
                continue
            if len(results) == limit:
                end = "limit"
                break
            results.append(Named(shown("/".join(found.parts)), found.kind))
            errand.job.report(scope.looked_at, f"{scope.looked_at} names looked at, {len(results)} found")
    return Names(shown(place.path), results, scope.looked_at, "time" if scope.late else end)


class _Search:
    """One search for text under way: what it found so far, and why it ended."""

    def __init__(self, errand: Errand, arguments: SearchText) -> None:
        self._job, self._limits = errand.job, errand.limits
        self._find = finder(arguments.query, regex=arguments.regex, ignore_case=arguments.ignore_case)
        self._by_lines = arguments.regex  # an expression may look for the ends of a line
        self._limit = min(arguments.limit, errand.limits.results)
        self.results: list[Line] = []
        self.files = self.skipped = 0
        self.end: Ending = "complete"

    def search(self, place: Place, name: str) -> bool:
        """Search one file; return whether to go on."""
        text = self._text(place)
        if text is None:
            self.skipped += 1
            return True
        self.files += 1
        if not self._by_lines and self._find(text) is None:
            return True
        for number, line in enumerate(pieces(text), 1):
            if number % _STEP == 0 and not self._in_time():
                return False
            at = self._find(_bare(line))
            if at is None:
                continue
            if len(self.results) == self._limit:
                self.end = "limit"
                return False
            self.results.append(Line(name, number, at + 1, _part(_bare(line), at)))
        self._job.report(self.files, f"{self.files} files searched, {len(self.results)} lines found")
        return True

    def _in_time(self) -> bool:
        self._job.step()
        if self._job.late:
            self.end = "time"
        return not self._job.late

    def _text(self, place: Place) -> str | None:
        try:
            with regular(place) as descriptor:
                if os.fstat(descriptor).st_size > self._limits.searched_bytes:
                    return None
                raw = pread(descriptor, self._limits.searched_bytes, 0)
        except (OutsideError, OSError):
            return None  # it vanished, or may not be read
        return None if b"\0" in raw[:_LOOK] else raw.decode(errors="replace")


def _bare(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _part(line: str, at: int) -> str:
    start = max(0, at - _LONGEST_LINE // 4) if len(line) > _LONGEST_LINE else 0
    return line[start : start + _LONGEST_LINE]


def search_text(errand: Errand, arguments: SearchText) -> Lines:
    """Return the lines beneath a directory, or in a file, that contain a text."""
    place = errand.place(arguments.path)
    search = _Search(errand, arguments)
    scope = _Scope(errand, Glob(arguments.include), arguments.exclude)
    with told(arguments.path):
        if _is_file(place):
            search.search(place, shown(place.name))
        else:
            _search_below(search, scope, place)
    if scope.late:
        search.end = "time"
    return Lines(shown(place.path), search.results, search.files, search.skipped, search.end)


def _search_below(search: _Search, scope: _Scope, place: Place) -> None:
    with closing(scope.walk(place)) as matching:
        for found in matching:
            below = place.child(*found.parts)
            if found.kind == "file" and not search.search(below, shown("/".join(found.parts))):
                return


def _is_file(place: Place) -> bool:
    with holder(place) as (above, name):
        return stat.S_ISREG(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)


OFFERS: tuple[Offer, ...] = (
    Offer(
        "search_files",
        "Search for files",
        "Finds files and directories by name, with a glob, in directories and all that is beneath them.",
        SearchFiles,
        Names,
        search_files,
        READS,
        long=True,
    ),
    Offer(
        "search_text",
        "Search in files",
        "Finds lines that contain a text or match a regular expression, in one file or all files beneath a directory.",
        SearchText,
        Lines,
        search_text,
        READS,
        long=True,
    ),
)
