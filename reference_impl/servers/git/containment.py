"""Whether all that belongs to a repository lies under the root.

A repository can lead elsewhere in many ways: `.git` as a link or as a file that points away, a shared directory,
alternates, links among its own files (git appends to logs, and would through a link), includes and paths in its
configuration. What leads out of the root is refused before libgit2 opens anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from reference_impl.server import ToolError

__all__ = ["GitFiles", "check_repository", "find_git_files", "is_repository", "refuse_includes", "within"]

_LONGEST_POINTER = 4096
_LARGEST_CONFIG = 1024 * 1024
_MOST_FILES = 500_000
_MOST_ALTERNATES = 5
_UNUSED = frozenset({"hooks", "modules", "worktrees", "lfs", "fsmonitor--daemon.ipc", "fsmonitor--daemon"})
"""What libgit2 never reads of a git directory, or what is checked where it is used."""
_INCLUDE = re.compile(rb"\[\s*include", re.IGNORECASE)
_PATHS = ("core.excludesfile", "core.attributesfile")
_BARE = ("HEAD", "objects", "refs")

GitFiles = tuple[Path, Path]
"""A repository's git directory, and the one that it shares with other work trees (often the same)."""


def within(path: Path, root: Path) -> bool:
    """Tell whether `path`, with every link followed, lies in `root`, which has none."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError, ValueError):  # names too long or no text, links in a circle
        return False


def is_repository(place: Path) -> bool:
    """Tell whether a folder looks like a repository: it has `.git`, or it is a bare one."""
    return os.path.lexists(place / ".git") or all((place / name).exists() for name in _BARE)


def check_repository(place: Path, root: Path) -> None:
    """Make sure that the repository at `place` keeps to the root. Raises `ToolError`, `OSError`."""
    for folder in dict.fromkeys(find_git_files(place, root)):
        _check_files(folder)
        for name in ("config", "config.worktree"):
            _check_config(folder / name, root)
        _check_objects(folder / "objects", root)


def find_git_files(place: Path, root: Path) -> GitFiles:
    """Return where a repository keeps its files. Raises `ToolError` if that is not under the root."""
    dotgit = place / ".git"
    folder = place if not os.path.lexists(dotgit) else dotgit
    if folder.is_file():
        words = _pointer(folder)
        if not words.startswith(b"gitdir:"):
            raise ToolError("The repository's .git file does not say where its directory is")
        folder = place / os.fsdecode(words.removeprefix(b"gitdir:").lstrip())
    folder = _kept(folder, root, ".git")
    shared = folder / "commondir"
    if not shared.is_file():
        return folder, folder
    return folder, _kept(folder / os.fsdecode(_pointer(shared)), root, "shared directory")


def _kept(path: Path, root: Path, what: str) -> Path:
    if not within(path, root):
        raise _outside(what)
    found = path.resolve()
    if not found.is_dir():
        raise ToolError(f"The repository's {what} is not there")
    return found


def _outside(what: str) -> ToolError:
    return ToolError(f"Refused: the repository's {what} leads outside the root that this server was given")


def _pointer(path: Path) -> bytes:
    """Return what a file points to, as bytes: of these libgit2 strips the same blanks, of text Python strips more."""
    return _read(path, _LONGEST_POINTER).rstrip()


def _read(path: Path, most: int) -> bytes:
    """Return a small file, which must be a plain one: a pipe would keep its reader for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        data = file.read(most + 1)
    if len(data) > most:
        raise ToolError(f"The repository's {path.name} is too large to be one")
    return data


def _check_files(folder: Path) -> None:
    """Refuse links and special files among what libgit2 reads and writes of a git directory."""
    for number, entry in enumerate(_entries(folder)):
        if entry.is_symlink() or not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
            raise ToolError(f"Refused: {entry.name!r} in the repository's .git is a link or no plain file")
        if number > _MOST_FILES:
            raise ToolError("The repository has too many files in its .git to be looked at: git gc packs them")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what a git directory holds; single objects too, of which a pipe would keep its reader for ever."""
    left = [folder]
    while left:
        current = left.pop()
        with os.scandir(current) as entries:
            for entry in entries:
                if current == folder and entry.name in _UNUSED:
                    continue
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    left.append(Path(entry.path))


def _check_config(path: Path, root: Path) -> None:
    """Refuse a configuration of the repository that includes other files, or has git read outside the root."""
    if not path.is_file():
        return
    refuse_includes(path)
    from pygit2 import Config

    config = Config(path)
    for name in _PATHS:
        value = config[name] if name in config else None  # noqa: SIM401 - it has no get
        if value and not within(_named(value), root):
            raise _outside(name)


def _named(value: str) -> Path:
    """Return the path that a configuration names; libgit2 begins relative ones wherever this process happens to be."""
    return Path.home() / value[2:] if value.startswith("~/") else Path.cwd() / value


def refuse_includes(path: Path) -> None:
    """Refuse a configuration that includes other files: libgit2 would read them. Raises `ToolError`."""
    if _INCLUDE.search(_read(path, _LARGEST_CONFIG)):
        raise ToolError(f"Refused: the repository's {path.name} includes other files, which this server never follows")


def _check_objects(objects: Path, root: Path, depth: int = 0) -> None:
    """Refuse alternates outside the root: objects that another repository lends (`objects/info/alternates`)."""
    alternates = objects / "info" / "alternates"
    if not alternates.is_file():
        return
    for line in _read(alternates, _LARGEST_CONFIG).splitlines():
        if not line or line.startswith(b"#"):
            continue
        if not line.startswith((b"/", b".")):  # libgit2 begins these wherever this process happens to be
            raise _outside("alternates")
        lender = _kept(objects / os.fsdecode(line), root, "alternates")
        if depth >= _MOST_ALTERNATES:
            raise ToolError("Refused: the repository borrows objects from too long a row of others")
        _check_files(lender)
        _check_objects(lender, root, depth + 1)
