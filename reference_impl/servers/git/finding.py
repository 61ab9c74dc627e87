"""From names to what git keeps: commits of revisions, entries of paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reference_impl.server import ToolError
from reference_impl.servers.git.errors import NotThereError
from reference_impl.servers.git.names import revision_of
from reference_impl.servers.git.told import shown

if TYPE_CHECKING:
    from pygit2 import Blob, Commit, Object, Tree

    from reference_impl.servers.git.opening import Repo

__all__ = ["blob_at", "commit_at", "entry_at", "head_commit", "object_at", "size_of"]

_ID = re.compile(r"[0-9a-f]{4,40}", re.IGNORECASE)


def head_commit(repo: Repo) -> Commit | None:
    """Return the commit that HEAD is at, or None before the first."""
    return None if repo.git.head_is_unborn else repo.git.head.peel(_commit())


def commit_at(repo: Repo, revision: str) -> Commit:
    """Return the commit that a revision names. Raises `ToolError` if there is none."""
    wanted = revision_of(revision)
    found = object_at(repo, revision)
    try:
        commit = found.peel(_commit())
    except ValueError:
        raise NotThereError(f"{wanted.name!r} is no commit") from None
    budget = repo.limits.steps
    for kind, number in wanted.steps:
        for parent in [0] * number if kind == "~" else [number - 1] * min(number, 1):
            repo.job.check()
            budget -= 1
            if budget < 0:
                raise NotThereError(f"{revision!r} goes back further than {repo.limits.steps} generations")
            if parent >= len(commit.parent_ids):
                raise NotThereError(f"{revision!r} goes back further than the history does")
            commit = repo.git[commit.parent_ids[parent]].peel(_commit())
    return commit


def object_at(repo: Repo, revision: str) -> Object:
    """Return what the name of a revision stands for, without its steps: a tag may have words of its own."""
    wanted = revision_of(revision)
    if len(wanted.name) == 40 and _ID.fullmatch(wanted.name):
        return _by_id(repo, wanted.name)
    for candidate in wanted.candidates:
        reference = repo.git.references.get(candidate)
        if reference is not None:
            try:
                return repo.git[reference.resolve().target]
            except KeyError:
                raise NotThereError(f"{wanted.name!r} has no commit yet") from None
    if _ID.fullmatch(wanted.name):
        return _by_id(repo, wanted.name)
    raise NotThereError(f"There is no branch, tag or commit {wanted.name[:80]!r}: git_branches and git_tags list them")


def _by_id(repo: Repo, name: str) -> Object:
    try:
        return repo.git[name.lower()]
    except KeyError:
        raise NotThereError(f"There is no commit {name}") from None
    except ValueError:
        raise NotThereError(f"Several commits begin with {name}: give more of the id") from None


def entry_at(tree: Tree, parts: tuple[str, ...]) -> Object | None:
    """Return what a tree has at a path, or None."""
    found: Object = tree
    for part in parts:
        inner = _in_tree(found, part) if found.type_str == "tree" else None
        if inner is None:
            return None
        found = inner
    return found


def _in_tree(tree: Object, part: str) -> Object | None:
    """Return an entry by its name, or by how a name that is no text is shown."""
    assert tree.type_str == "tree"
    listed: Tree = tree  # type: ignore[assignment]  # its type says so
    if part in listed:
        return listed[part]
    if "\\x" not in part:
        return None
    return next((entry for entry in listed if shown(entry.raw_name or b"") == part), None)


def blob_at(repo: Repo, commit: Commit, parts: tuple[str, ...]) -> Blob:
    """Return a file of a commit, none too large to be read. Raises `ToolError`."""
    path = "/".join(parts)
    found = entry_at(commit.tree, parts)
    if found is None or found.type_str != "blob":
        what = "There is no file" if found is None else "This is no file, but a folder or a submodule:"
        raise NotThereError(f"{what} {path!r} at this revision: git_list_files lists them")
    size = size_of(repo, found.id)
    if size > repo.limits.blob:
        raise ToolError(f"{path!r} has {size} bytes, more than the {repo.limits.blob} that are read")
    return found  # type: ignore[return-value]  # its type says so


def size_of(repo: Repo, identifier: object) -> int:
    """Return the size of an object in bytes, without reading it."""
    return int(repo.git.odb.read_header(identifier)[1])  # type: ignore[arg-type]  # an Oid, as all identifiers here


def _commit() -> type[Commit]:
    from pygit2 import Commit

    return Commit
