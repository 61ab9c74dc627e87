"""The bounds of tasks."""

from __future__ import annotations

import msgspec

from reference_impl.server.tasks.store import TaskStore

__all__ = ["TaskOptions"]


class TaskOptions(msgspec.Struct, frozen=True):
    """What a task may cost.

    A task lives `ttl_ms` milliseconds from its creation if nobody wishes otherwise, and `longest_ttl_ms` if somebody
    does; then it is forgotten, and its handler stopped. `poll_interval_ms` is what clients are told to wait between two
    looks. A result of more than `largest_result` bytes as JSON fails the task. Tasks are kept in `store`. Without one
    they are kept in memory: `most` of all and `most_of_one` of one requestor, ended ones included until they expire.
    """

    ttl_ms: int = 300_000
    longest_ttl_ms: int = 3_600_000
    poll_interval_ms: int = 1000
    largest_result: int = 4 * 1024 * 1024
    most: int = 10_000
    most_of_one: int = 100
    store: TaskStore | None = None

    def granted(self, wished: int | None) -> int:
        """Return the lifetime in milliseconds of a task for which `wished` were asked."""
        return self.ttl_ms if wished is None else max(min(wished, self.longest_ttl_ms), min(1000, self.ttl_ms))
