"""How much a tree holds before libgit2 goes through it: it cannot be stopped there.

A few small trees, each with the next one ten times, hold more files than memory can. They are counted by their ids, so
each is looked at once, and never again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference_impl.server import ToolError
from reference_impl.servers.git.finding import size_of

if TYPE_CHECKING:
    from pygit2 import Commit, Object, Tree

    from reference_impl.servers.git.opening import Repo

__all__ = ["tree_of"]

_DEEPEST = 500
_MOST_KNOWN = 200_000


def tree_of(repo: Repo, commit: Commit) -> Tree:
    """Return the tree of a commit, none too large to be compared. Raises `ToolError`."""
    if size_of(repo, commit.tree_id) > repo.limits.blob or _count(repo, commit.tree, 0) > repo.limits.tree:
        raise _too_large()
    return commit.tree


def _count(repo: Repo, tree: Object, depth: int) -> int:
    """Return how many files and folders there are below a tree."""
    known, key = repo.root.counted, tree.id.raw
    if key in known:
        return known[key]
    repo.job.check()
    count = 0
    for entry in tree:  # type: ignore[attr-defined]  # it is a tree
        count += 1
        if entry.type_str == "tree":
            if depth >= _DEEPEST or size_of(repo, entry.id) > repo.limits.blob:
                raise _too_large()
            count += _count(repo, entry, depth + 1)
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[key] = count
    return count


def _too_large() -> ToolError:
    return ToolError("A revision holds too many files and folders to be compared: git_list_files lists single folders")
