"""Whether a work tree keeps to the root: libgit2 reads the rules that lie in it, and opens repositories inside it.

It follows links in the place of `.gitignore` and its kin, which git itself stopped doing, and what `.gitmodules`
includes.
"""

from __future__ import annotations

import os
from pathlib import Path

from reference_impl.server import ToolError
from reference_impl.servers.git.containment import check_repository, refuse_includes, within
from reference_impl.servers.git.opening import Repo

__all__ = ["check_worktree"]

_RULES = frozenset({".gitignore", ".gitattributes", ".gitmodules"})


def check_worktree(repo: Repo) -> None:
    """Look through the folders of the work tree, if there is one. Raises `ToolError` for what leads elsewhere."""
    if repo.git.workdir is None:
        return
    left = [repo.workdir]
    while left:
        repo.job.check()
        folder = left.pop()
        entries = _entries(folder)
        inner = folder != repo.workdir
        if inner and any(entry.name == ".git" for entry in entries):
            check_repository(folder, repo.root.path)
            continue
        for entry in entries:
            if entry.name.casefold() in _RULES:
                _check_rules(repo, entry)
        left += [Path(entry.path) for entry in entries if entry.name != ".git" and entry.is_dir(follow_symlinks=False)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # gone meanwhile, or not to be read: libgit2 will not read it either
        return []


def _check_rules(repo: Repo, entry: os.DirEntry[str]) -> None:
    path = Path(entry.path)
    if entry.is_symlink() and not within(path, repo.root.path):
        raise ToolError(f"Refused: {path.relative_to(repo.workdir)} is a link that leads outside the root")
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ToolError(f"Refused: {path.relative_to(repo.workdir)} is no plain file")
    if entry.name.casefold() == ".gitmodules" and path.is_file():
        refuse_includes(path.resolve())
