"""Differences between two states of a repository, file by file and never more than a page of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reference_impl.server import ToolError
from reference_impl.servers.git.finding import commit_at, head_commit, object_at, size_of
from reference_impl.servers.git.names import parts_of
from reference_impl.servers.git.told import commit_told, person, shown
from reference_impl.servers.git.trees import tree_of
from reference_impl.servers.git.worktree import check_rules_above, check_worktree

if TYPE_CHECKING:
    from pygit2 import Diff, DiffDelta, DiffFile, Tree

    from reference_impl.servers.git.opening import Repo

__all__ = ["DiffQuery", "diff", "show"]

_CHANGES = {
    "A": "added",
    "D": "deleted",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "type changed",
    "U": "unmerged",
    "X": "unreadable",
}
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree without entries, which is in every repository."""
_MOST_COMPARED = 300
_LARGEST_COMPARED = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DiffQuery:
    """What to compare. Without `base` and `head`: the index with the work tree, or, where `staged`, HEAD with the
    index; with `base` alone, that with the work tree; with both, the one with the other, where `merge_base` from where
    they parted. `path` keeps to a file or folder, `offset` passes over so many files."""

    base: str | None = None
    head: str | None = None
    staged: bool = False
    merge_base: bool = False
    path: str = ""
    context_lines: int = 3
    offset: int = 0


def diff(repo: Repo, query: DiffQuery) -> dict[str, Any]:
    """Return one page of the differences."""
    return _told(repo, _between(repo, query), query)


def show(repo: Repo, ref: str, path: str = "", offset: int = 0) -> dict[str, Any]:
    """Return a commit with its changes against its first parent, and the tag's own words if `ref` is one."""
    commit = commit_at(repo, ref)
    before = tree_of(repo, commit.parents[0]) if commit.parents else _empty(repo)
    changes = _told(repo, before.diff_to_tree(tree_of(repo, commit)), DiffQuery(path=path, offset=offset))
    return {"commit": commit_told(commit), "tag": _tag(repo, ref), **changes}


def _tag(repo: Repo, ref: str) -> dict[str, Any] | None:
    found = object_at(repo, ref)
    if found.type_str != "tag":
        return None
    tagger = found.tagger  # type: ignore[attr-defined]  # its type says so
    return {
        "name": shown(found.raw_name or b""),
        "tagger": None if tagger is None else person(tagger),
        "message": shown(found.raw_message),  # type: ignore[attr-defined]  # the same
    }


def _between(repo: Repo, query: DiffQuery) -> Diff:
    lines = max(0, min(query.context_lines, 100))
    if query.head is not None:
        if query.base is None:
            raise ToolError("head needs a base to be compared with")
        base, head = commit_at(repo, query.base), commit_at(repo, query.head)
        if query.merge_base:
            common = repo.git.merge_base(base.id, head.id)
            if common is None:
                raise ToolError("The two have no common history: leave merge_base out")
            base = commit_at(repo, str(common))
        return tree_of(repo, base).diff_to_tree(tree_of(repo, head), context_lines=lines)
    if query.staged:
        before = commit_at(repo, query.base) if query.base is not None else head_commit(repo)
        tree = _empty(repo) if before is None else tree_of(repo, before)
        staged: Diff = repo.git.index.diff_to_tree(tree, context_lines=lines)
        return staged
    check_worktree(repo)
    unstaged: Diff = repo.git.index.diff_to_workdir(context_lines=lines)
    if query.base is None:
        return unstaged
    changes: Diff = repo.git.index.diff_to_tree(tree_of(repo, commit_at(repo, query.base)), context_lines=lines)
    changes.merge(unstaged)  # by way of the index: without it, files that were added since would be unknown ones
    return changes


def _empty(repo: Repo) -> Tree:
    return repo.git[_EMPTY_TREE]  # type: ignore[return-value]  # it is one


def _told(repo: Repo, changes: Diff, query: DiffQuery) -> dict[str, Any]:
    parts = parts_of(query.path)
    check_rules_above(repo, (os.fsdecode(delta.new_file.raw_path) for delta in changes.deltas))
    _find_renames(repo, changes)
    chosen = [(index, delta) for index, delta in enumerate(changes.deltas) if _inside(delta, parts)]
    files: list[dict[str, Any]] = []
    left, offset = repo.limits.answer, max(0, query.offset)
    for index, delta in chosen[offset : offset + repo.limits.files]:
        repo.job.check()
        if left <= 0:
            break
        file = _file(repo, changes, (index, delta), left)
        left -= len(file["patch"])
        files.append(file)
        repo.job.progress(offset + len(files), len(chosen), f"{offset + len(files)} of {len(chosen)} files")
    end = offset + len(files)
    return {"files": files, "total_files": len(chosen), "next_offset": end if end < len(chosen) else None}


def _inside(delta: DiffDelta, parts: tuple[str, ...]) -> bool:
    return any(
        tuple(shown(file.raw_path).split("/"))[: len(parts)] == parts for file in (delta.old_file, delta.new_file)
    )


def _find_renames(repo: Repo, changes: Diff) -> None:
    """Find files that went elsewhere; those that were altered too only where that is little to compare."""
    from pygit2.enums import DeltaStatus, DiffFind

    moved = [delta for delta in changes.deltas if delta.status in (DeltaStatus.ADDED, DeltaStatus.DELETED)]
    if not moved:
        return
    few = len(moved) <= _MOST_COMPARED and sum(_size(repo, delta) for delta in moved) <= _LARGEST_COMPARED
    changes.find_similar(flags=DiffFind.FIND_RENAMES if few else DiffFind.FIND_RENAMES | DiffFind.FIND_EXACT_MATCH_ONLY)


def _size(repo: Repo, delta: DiffDelta) -> int:
    """Return the size of the larger side."""
    return max(_side_size(repo, file) for file in (delta.old_file, delta.new_file))


def _side_size(repo: Repo, file: DiffFile) -> int:
    if file.size or not file.id or file.id not in repo.git.odb:  # the last: submodules, and files not yet in git
        return int(file.size)
    return size_of(repo, file.id)


def _file(repo: Repo, changes: Diff, which: tuple[int, DiffDelta], left: int) -> dict[str, Any]:
    """Return one file of a diff; `left` is how many characters of patch there is room for."""
    index, delta = which
    old, new = shown(delta.old_file.raw_path), shown(delta.new_file.raw_path)
    told = {
        "path": new,
        "old_path": old if old != new else None,
        "change": _CHANGES.get(delta.status_char(), "changed"),
        "additions": 0,
        "deletions": 0,
        "binary": False,
        "patch": "",
        "left_out": None,
    }
    if _size(repo, delta) > repo.limits.blob:
        return told | {"left_out": f"larger than {repo.limits.blob} bytes"}
    patch = changes[index]
    if patch is None:
        return told
    if patch.delta.is_binary:
        return told | {"binary": True}
    _, additions, deletions = patch.line_stats
    text = patch.data.decode("utf-8", "replace")
    cut = {"left_out": f"{len(text) - left} of {len(text)} characters"} if len(text) > left else {}
    return told | {"additions": additions, "deletions": deletions, "patch": text[:left], **cut}
