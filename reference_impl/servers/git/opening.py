"""Opening a repository for one call, and saying what went wrong without saying where."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reference_impl.server import ResourceNotFoundError, ToolError
from reference_impl.servers.git.containment import check_repository, within
from reference_impl.servers.git.limits import GitLimits
from reference_impl.servers.git.root import Root
from reference_impl.servers.git.work import Job

if TYPE_CHECKING:
    from pygit2 import Repository

__all__ = ["Repo", "attempt", "opened"]

_logger = logging.getLogger("reference_impl.servers.git")
T = TypeVar("T")

_LOCKED = "Another program holds a lock of the repository: wait until it is done, then try again"
_FOREIGN = (
    "The repository belongs to another user than this server runs as. Whoever runs it can say that the repository is "
    "to be trusted: git config --global --add safe.directory with its path"
)
_CAUSES: tuple[tuple[str, str], ...] = (
    ("owned by current user", _FOREIGN),
    ("unsupported extension", "The repository uses an extension of git that this server does not know"),
    ("unknown object format", "The repository uses a format of objects that this server does not know"),
    ("unsupported repository version", "The repository uses a format that this server does not know"),
    ("failed to lock", _LOCKED),
    ("index is locked", _LOCKED),
    (".lock", _LOCKED),
    ("No space left", "There is no space left on the disk: what was not finished was not done"),
    ("Permission denied", "This server may not read or write there"),
)
"""What libgit2 says, in part, to what callers are told; its own words may hold paths of this machine."""
_CHANGED = (
    "The repository cannot be read: it is being changed by another program, or it is damaged. Try again; if it stays "
    "so, git fsck tells more"
)


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository that is open for one call. `git` is libgit2's, `name` its path from the root."""

    git: Repository
    name: str
    job: Job
    root: Root

    @property
    def limits(self) -> GitLimits:
        """How much a call may cost."""
        return self.root.limits

    @property
    def workdir(self) -> Path:
        """The work tree. Raises `ToolError` for a bare repository."""
        if self.git.workdir is None:
            raise ToolError("The repository is bare: it has no files beside its history")
        return Path(self.git.workdir)


@contextmanager
def opened(root: Root, name: str | None, job: Job) -> Iterator[Repo]:
    """Open a repository under the root. Raises `ToolError` if it is not there, leads elsewhere or is not ours.

    Neither folders above it nor the environment (`GIT_DIR` and its kin) are asked where it is.
    """
    from pygit2 import Repository
    from pygit2.enums import RepositoryOpenFlag

    place = root.locate(name, job)
    check_repository(place, root.path)
    repository = Repository(str(place), RepositoryOpenFlag.NO_SEARCH)
    try:
        workdir = repository.workdir
        if not within(Path(repository.path), root.path) or (workdir and not within(Path(workdir), root.path)):
            raise ToolError("Refused: the repository's work tree is outside the root that this server was given")
        yield Repo(repository, root.name_of(place), job, root)
    finally:
        repository.free()


def attempt(root: Root, name: str | None, job: Job, ask: Callable[[Repo], T], attempts: int = 2) -> T:
    """Open a repository and ask it something; a second time if it changed under the first.

    Raises `ToolError` for all that can go wrong with a repository, and what `ask` raises on purpose.
    """
    from pygit2 import GitError

    for left in reversed(range(attempts)):
        try:
            with opened(root, name, job) as repo:
                return ask(repo)
        except (ResourceNotFoundError, ToolError):
            raise
        except (GitError, KeyError, OSError, ValueError) as error:
            job.check()
            if not left:
                _logger.warning("a repository could not be used: %s", error)
                raise ToolError(_told(error)) from None
    raise AssertionError("attempts is at least one")


def _told(error: Exception) -> str:
    words = str(error)
    return next((told for part, told in _CAUSES if part in words), _CHANGED)
