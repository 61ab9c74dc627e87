"""Whether a work tree keeps to the root: libgit2 reads the rules that lie in it, and opens repositories inside it.

It follows links in the place of `.gitignore` and its kin, which git itself stopped doing, and what `.gitmodules`
includes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from reference_impl.server import ToolError
from reference_impl.servers.git.containment import check_repository, refuse_includes, within
from reference_impl.servers.git.opening import Repo
from reference_impl.servers.git.told import shown

if TYPE_CHECKING:
    from pygit2 import Tree

__all__ = ["check_rules_above", "check_tree", "check_worktree"]

_LINK = 0o120000
_RULES = frozenset({".gitignore", ".gitattributes", ".gitmodules"})


def check_worktree(repo: Repo) -> None:
    """Look through the folders of the work tree that libgit2 looks through, so not in ignored ones that hold nothing of
    git's. Raises `ToolError` for what leads elsewhere."""
    tracked: set[str] | None = None
    left = [repo.workdir]
    while left:
        repo.job.check()
        folder = left.pop()
        entries = _entries(folder)
        name = folder.relative_to(repo.workdir).as_posix()
        if name != "." and any(entry.name == ".git" for entry in entries):
            check_repository(folder, repo.root.path)
            continue
        _check_rules(repo, entries)
        if name != "." and repo.git.path_is_ignored(name):
            tracked = _folders_above(entry.path for entry in repo.git.index) if tracked is None else tracked
            if name not in tracked:
                continue
        left += [Path(entry.path) for entry in entries if entry.name != ".git" and entry.is_dir(follow_symlinks=False)]


def check_rules_above(repo: Repo, paths: Iterable[str]) -> None:
    """Look at the rules that apply to these files, if there is a work tree: attributes say what is no text. Raises
    `ToolError` for those that lead elsewhere."""
    if repo.git.workdir is None:
        return
    for folder in _folders_above(paths):
        repo.job.check()
        _check_rules(repo, _entries(repo.workdir / folder))


def check_tree(repo: Repo, tree: Tree) -> None:
    """Make sure that a commit can be checked out and left again: a link in the place of rules would be refused from
    then on. Raises `ToolError`."""
    left = [tree]
    while left:
        repo.job.check()
        for entry in left.pop():
            if entry.type_str == "tree":
                left.append(entry)  # type: ignore[arg-type]  # its type says so
            elif entry.filemode == _LINK and shown(entry.raw_name or b"").casefold() in _RULES:
                raise ToolError(f"Refused: this revision has a link in the place of {entry.name}")


def _folders_above(paths: Iterable[str]) -> set[str]:
    """Return the folders that files lie in, up to the top (`.`)."""
    found = {"."}
    for path in paths:
        folder = PurePosixPath(path).parent
        while str(folder) not in found:
            found.add(str(folder))
            folder = folder.parent
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # gone meanwhile, or not to be read: libgit2 will not read it either
        return []


def _check_rules(repo: Repo, entries: list[os.DirEntry[str]]) -> None:
    for entry in entries:
        if entry.name.casefold() not in _RULES:
            continue
        path = Path(entry.path)
        if entry.is_symlink() and not within(path, repo.root.path):
            raise ToolError(f"Refused: {path.relative_to(repo.workdir)} is a link that leads outside the root")
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ToolError(f"Refused: {path.relative_to(repo.workdir)} is no plain file")
        if entry.name.casefold() == ".gitmodules" and path.is_file():
            refuse_includes(path.resolve())
