"""The log of a repository, and the search in it: page by page, for as long as there is time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reference_impl.server import ToolError
from reference_impl.servers.git.finding import commit_at, entry_at, size_of
from reference_impl.servers.git.names import parts_of
from reference_impl.servers.git.told import commit_told, day, message_of, shown
from reference_impl.servers.git.trees import tree_of

if TYPE_CHECKING:
    from pygit2 import Commit, Diff, Oid

    from reference_impl.servers.git.opening import Repo

__all__ = ["LogQuery", "SearchQuery", "log", "search"]

_CURSOR = re.compile(r"([0-9a-f]{40}):(\d{1,9})")
_MOST_COUNTED = 20_000

Matches = Callable[["Commit"], "dict[str, Any] | None"]
"""Takes a commit; returns what is to be told beside it, or None for one that is not wanted."""


class _LateError(Exception):
    """The time was over in the middle of a commit."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which commits: from `ref` back, those that touch `path`, by `author` (part of name or address), in a time."""

    ref: str = "HEAD"
    path: str = ""
    author: str = ""
    since: str = ""
    until: str = ""
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for, in `messages` or in `changes`: there, commits after which `text` occurs more or less often."""

    text: str
    where: str = "messages"
    ref: str = "HEAD"
    path: str = ""
    limit: int = 20
    cursor: str | None = None


def log(repo: Repo, query: LogQuery) -> dict[str, Any]:
    """Return one page of commits, newest first."""
    parts, author = parts_of(query.path), query.author.casefold()
    since, until = _moment(query.since), _moment(query.until)

    def matches(commit: Commit) -> dict[str, Any] | None:
        who = commit.author
        wanted = (
            (since is None or commit.commit_time >= since)
            and (until is None or commit.commit_time <= until)
            and (not author or author in f"{shown(who.raw_name)} <{shown(who.raw_email)}>".casefold())
            and (not parts or _touches(commit, parts))
        )
        return {} if wanted else None

    return _page(repo, query, matches)


def search(repo: Repo, query: SearchQuery) -> dict[str, Any]:
    """Return one page of the commits that something is found in, newest first."""
    if not query.text:
        raise ToolError("There is nothing to look for: text is empty")
    parts = parts_of(query.path)
    if query.where == "messages":
        wanted = query.text.casefold()
        return _page(
            repo,
            query,
            lambda commit: (
                {} if wanted in message_of(commit).casefold() and (not parts or _touches(commit, parts)) else None
            ),
        )
    counts = _Counts(repo, query.text.encode())

    def matches(commit: Commit) -> dict[str, Any] | None:
        paths = list(_altered(repo, commit, parts, counts))
        return {"paths": paths[: repo.limits.page]} if paths else None

    return _page(repo, query, matches)


def _moment(text: str) -> float | None:
    try:
        return day(text) if text else None
    except ValueError:
        raise ToolError(f"{text[:40]!r} is no date: give it like 2024-05-01 or 2024-05-01T12:00:00+02:00") from None


def _page(repo: Repo, query: LogQuery | SearchQuery, matches: Matches) -> dict[str, Any]:
    """Walk back from where the query begins or an earlier page ended, until the page is full or the time is over."""
    from pygit2.enums import SortMode

    start, passed = _beginning(repo, query.ref, query.cursor)
    limit = max(1, min(query.limit, repo.limits.page))
    commits: list[dict[str, Any]] = []
    position = 0
    for position, commit in enumerate(repo.git.walk(start, SortMode.TIME)):
        if position < passed:
            repo.job.check()
            continue
        if len(commits) >= limit or repo.job.late:
            return _answer(commits, position - passed, f"{start}:{position}")
        try:
            more = matches(commit)
        except _LateError:
            if position == passed:
                repo.job.check()
            return _answer(commits, position - passed, f"{start}:{position}")
        if more is not None:
            commits.append(commit_told(commit) | more)
        repo.job.progress(position - passed + 1, None, f"{position - passed + 1} commits seen, {len(commits)} found")
    return _answer(commits, max(0, position + 1 - passed), None)


def _answer(commits: list[dict[str, Any]], seen: int, cursor: str | None) -> dict[str, Any]:
    return {"commits": commits, "seen": seen, "next": cursor}


def _beginning(repo: Repo, ref: str, cursor: str | None) -> tuple[Oid, int]:
    if cursor is None:
        return commit_at(repo, ref).id, 0
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise ToolError("This cursor is not from an answer of this tool: leave it out to begin at the start")
    return commit_at(repo, match[1]).id, int(match[2])


def _touches(commit: Commit, parts: tuple[str, ...]) -> bool:
    """Tell whether a path is other in a commit than in each of its parents."""
    own = _identity(commit, parts)
    before = [_identity(parent, parts) for parent in commit.parents]
    return all(other != own for other in before) if before else own is not None


def _identity(commit: Commit, parts: tuple[str, ...]) -> tuple[str, int] | None:
    found = entry_at(commit.tree, parts)
    return None if found is None else (str(found.id), found.filemode or 0)


@dataclass(slots=True)
class _Counts:
    """How often a text occurs in files, remembered: most files are met twice, as the new one and as the old."""

    repo: Repo
    text: bytes
    known: dict[str, int] = field(default_factory=dict)

    def of(self, identifier: Oid) -> int:
        key = str(identifier)
        if key not in self.known:
            if len(self.known) >= _MOST_COUNTED:
                self.known.clear()
            self.known[key] = self._count(identifier)
        return self.known[key]

    def _count(self, identifier: Oid) -> int:
        if identifier not in self.repo.git.odb or size_of(self.repo, identifier) > self.repo.limits.blob:
            return 0
        return self.repo.git.read(identifier)[1].count(self.text)


def _altered(repo: Repo, commit: Commit, parts: tuple[str, ...], counts: _Counts) -> Iterator[str]:
    """Yield the files in which a commit altered how often the text occurs; merges bring nothing of their own."""
    if len(commit.parent_ids) > 1:
        return
    for delta in _changes(repo, commit).deltas:
        if repo.job.late:
            raise _LateError
        path = shown(delta.new_file.raw_path)
        inside = tuple(path.split("/"))[: len(parts)] == parts
        if inside and _count(delta.old_file, counts) != _count(delta.new_file, counts):
            yield path


def _count(file: Any, counts: _Counts) -> int:
    return counts.of(file.id) if file.id and file.mode != _SUBMODULE else 0


_SUBMODULE = 0o160000


def _changes(repo: Repo, commit: Commit) -> Diff:
    tree = tree_of(repo, commit)
    if commit.parents:
        return tree_of(repo, commit.parents[0]).diff_to_tree(tree)
    return tree.diff_to_tree(swap=True)
