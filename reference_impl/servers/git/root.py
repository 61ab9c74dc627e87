"""The one folder that the server was given, and the repositories under it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from reference_impl.server.errors import SetupError
from reference_impl.servers.git.containment import is_repository, within
from reference_impl.servers.git.errors import NotThereError
from reference_impl.servers.git.limits import GitLimits
from reference_impl.servers.git.work import Job

__all__ = ["Found", "Root", "root_at"]

_PASSED_OVER = frozenset({".git", "node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Found:
    """Names of repositories, in order; `complete` unless a limit ended the search."""

    names: list[str]
    complete: bool


@dataclass(frozen=True, slots=True)
class Root:
    """`path` has no links in it. `counted` is how many files and folders are below a tree, by its id."""

    path: Path
    limits: GitLimits
    counted: dict[bytes, int] = field(default_factory=dict, compare=False, repr=False)

    def search(self, job: Job) -> Found:
        """Find repositories; those inside others can be named, but are not looked for."""
        names: list[str] = []
        left, seen = [(self.path, 0)], 0
        while left:
            job.check()
            folder, depth = left.pop()
            seen += 1
            if is_repository(folder):
                names.append(self.name_of(folder))
            elif depth < self.limits.depth:
                left += [(inner, depth + 1) for inner in _folders(folder)]
            if seen >= self.limits.folders or len(names) >= self.limits.repositories:
                return Found(sorted(names), complete=not left)
        return Found(sorted(names), complete=True)

    def name_of(self, place: Path) -> str:
        """Return the name that a repository goes by: its path from the root."""
        return place.relative_to(self.path).as_posix()

    def locate(self, name: str | None, job: Job) -> Path:
        """Return where the repository of this name is; without a name, the only one. Raises `ToolError`."""
        if name is None:
            name = self._only(job)
        parts = name.split("/")
        if name.startswith("/") or "\0" in name or ".." in parts or ".git" in (part.casefold() for part in parts):
            raise NotThereError(f"{name[:80]!r} is no repository's name: it is a path from the root, without ..")
        place = self.path / name
        if not within(place, self.path):
            raise NotThereError(f"Refused: {name[:80]!r} leads outside the root that this server was given")
        if not place.is_dir() or not is_repository(place):
            raise NotThereError(f"There is no repository {name[:80]!r} under the root: git_repositories lists them")
        return place.resolve()

    def _only(self, job: Job) -> str:
        if is_repository(self.path):
            return "."
        names = self.search(job).names
        if len(names) == 1:
            return names[0]
        if not names:
            raise NotThereError("There is no repository under the root")
        some = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise NotThereError(f"There are several repositories under the root, so name one of them: {some}")


def root_at(path: str | Path | None, limits: GitLimits) -> Root:
    """Return the root. Raises `SetupError` without one: there is no folder that it would be safe to assume."""
    if path is None or not str(path):
        raise SetupError("name the folder whose repositories may be used: touchstone serve git FOLDER")
    try:
        found = Path(path).expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise SetupError(f"{path}: there is no such folder") from error
    if not found.is_dir():
        raise SetupError(f"{path} is no folder")
    return Root(found, limits)


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, last first; links are not followed, hidden ones not looked into."""
    try:
        with os.scandir(folder) as entries:
            names = [item.name for item in entries if item.is_dir(follow_symlinks=False)]
    except OSError:  # gone meanwhile, or not to be read
        return []
    kept = (name for name in names if name not in _PASSED_OVER and not name.startswith(".") and _is_text(name))
    return [folder / name for name in sorted(kept, reverse=True)]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
