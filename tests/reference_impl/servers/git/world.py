"""Repositories for tests, made with libgit2; times are fixed, so that ids are the same everywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pygit2

ADA = pygit2.Signature("Ada", "ada@example.org", 1_700_000_000, 60)
BOB = pygit2.Signature("Bob", "bob@example.org", 1_700_100_000, 0)


def repository(place: Path, files: dict[str, str] | None = None) -> pygit2.Repository:
    """Make a repository on branch main, with one commit if there are files."""
    repo = pygit2.init_repository(str(place), initial_head="main")
    if files:
        commit(repo, "First", files)
    return repo


def commit(
    repo: pygit2.Repository, message: str, files: dict[str, str | None], who: pygit2.Signature = ADA
) -> pygit2.Oid:
    """Write files (None deletes), stage and commit them; one second later than the commit before."""
    stage(repo, files)
    parents = [] if repo.head_is_unborn else [repo.head.target]
    time = who.time if not parents else max(who.time, repo[parents[0]].commit_time + 1)
    signature = pygit2.Signature(who.name, who.email, time, who.offset)
    return repo.create_commit("HEAD", signature, signature, message + "\n", repo.index.write_tree(), parents)


def stage(repo: pygit2.Repository, files: dict[str, str | None]) -> None:
    """Write and stage files."""
    for name, text in files.items():
        path = Path(repo.workdir) / name
        if text is None:
            path.unlink()
            repo.index.remove(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        repo.index.add(name)
    repo.index.write()


def notes(root: Path) -> Path:
    """Make a root with one small repository, called notes; return the root."""
    repo = repository(root / "notes", {"README.md": "# Notes\n", "src/sum.py": "def add(a, b):\n    return a + b\n"})
    commit(repo, "Say what it is for", {"README.md": "# Notes\n\nWhat was said.\n"}, BOB)
    repo.create_tag("v1", repo.head.target, pygit2.enums.ObjectType.COMMIT, ADA, "The first version")
    return root


SECRET = "canary-5f1c"


class Canary:
    """A folder outside the root, with a repository and files that nobody may read, write or tell of."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repo = repository(place / "outside", {"secret.txt": f"{SECRET}\n"})
        (place / "secret.txt").write_text(f"{SECRET}\n", "utf-8")
        self._before = self._state()
        self._notes_reading = self._does_note_reading()

    def check(self, told: object = "", *, place: bool = True) -> None:
        """Make sure that nothing was written or told (not even the place, unless somebody else did), and, where the
        file system notes it, nothing was read."""
        assert SECRET not in repr(told)
        assert not place or str(self.place) not in repr(told)
        assert self._state() == self._before
        if self._notes_reading:
            assert [path for path in self._files() if path.stat().st_atime_ns != 0] == []

    def unread(self) -> None:
        """Begin to watch who reads."""
        for path in self._files():
            os.utime(path, ns=(0, path.stat().st_mtime_ns))
        self._before = self._state()

    def _files(self) -> list[Path]:
        return sorted(path for path in self.place.rglob("*") if path.is_file() and not path.is_symlink())

    def _state(self) -> list[tuple[str, int, int]]:
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(self.place.rglob("*"))]

    def _does_note_reading(self) -> bool:
        probe = self.place / "secret.txt"
        os.utime(probe, ns=(0, probe.stat().st_mtime_ns))
        probe.read_bytes()
        noted = probe.stat().st_atime_ns != 0
        self.unread()
        return noted
