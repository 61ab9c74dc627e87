"""What all tools, resources and prompts of the server share: its root, its threads, its one writer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from reference_impl.server import Context
from reference_impl.servers.git.opening import Repo, attempt
from reference_impl.servers.git.root import Found, Root
from reference_impl.servers.git.work import Job, Workers

__all__ = ["Git"]

T = TypeVar("T")
_BETWEEN_POLLS = 0.05


@dataclass(frozen=True, slots=True)
class Git:
    """Asks repositories in threads. Writing calls follow one another: an index is read, changed and written whole."""

    root: Root
    workers: Workers
    writing: threading.Lock = field(default_factory=threading.Lock)

    async def repositories(self, context: Context | None = None) -> Found:
        """Return the repositories under the root."""
        return await self.workers.run(context, self.root.search)

    async def read(self, context: Context | None, name: str | None, ask: Callable[[Repo], T]) -> T:
        """Ask a repository something, again if it changed meanwhile. Raises `ToolError`."""
        return await self.workers.run(context, partial(_reading, self, name, ask))

    async def write(self, context: Context | None, name: str | None, act: Callable[[Repo], T]) -> T:
        """Change a repository, once. Raises `ToolError`."""
        return await self.workers.run(context, partial(_writing, self, name, act))

    @contextmanager
    def turn(self, job: Job) -> Iterator[None]:
        """Wait for the others that write."""
        while not self.writing.acquire(timeout=_BETWEEN_POLLS):
            job.check()
        try:
            yield
        finally:
            self.writing.release()


def _reading(git: Git, name: str | None, ask: Callable[[Repo], T], job: Job) -> T:
    job.check()
    return attempt(git.root, name, job, ask)


def _writing(git: Git, name: str | None, act: Callable[[Repo], T], job: Job) -> T:
    with git.turn(job):
        job.check()
        return attempt(git.root, name, job, act, attempts=1)
