"""What a task wants to know of the client and has not been told yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from reference_impl.server.inputs import Question

__all__ = ["OpenQuestion", "OpenQuestions"]


@dataclass(slots=True, eq=False)
class OpenQuestion:
    """One question. `asker` waits for a legacy client's answer right now, in some request of that client."""

    key: str
    question: Question
    answer: asyncio.Future[dict[str, Any]]
    asker: asyncio.Task[None] | None = None

    def settle(self, outcome: dict[str, Any] | Exception) -> None:
        """Take the answer, or why there is none; the first one counts."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class OpenQuestions:
    """The open questions of one task by key. No key comes twice in a task's life
    (`extensions/tasks#task-update-requests`)."""

    def __init__(self) -> None:
        self._open: dict[str, OpenQuestion] = {}
        self._used: set[str] = set()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, key: str, question: Question) -> OpenQuestion:
        """Ask something more; a key that was used before gets a number."""
        unique, number = key, 1
        while unique in self._used:
            number += 1
            unique = f"{key}-{number}"
        self._used.add(unique)
        entry = OpenQuestion(unique, question, asyncio.get_running_loop().create_future())
        self._open[unique] = entry
        return entry

    def find(self, key: str) -> OpenQuestion | None:
        """Return an open question, or None."""
        return self._open.get(key)

    def close(self, entry: OpenQuestion) -> bool:
        """Want to know it no more, whatever answer comes; False if that was so before."""
        if self._open.get(entry.key) is not entry:
            return False
        del self._open[entry.key]
        if not entry.answer.cancel() and not entry.answer.cancelled():
            entry.answer.exception()  # it may be an error that nobody waits for any more
        return True

    def unasked(self) -> list[OpenQuestion]:
        """Return the questions that are not with a client."""
        return [entry for entry in self._open.values() if entry.asker is None]

    def take_back(self) -> None:
        """Let nobody wait for the client's answers; the questions stay open."""
        for entry in self._open.values():
            if entry.asker is not None:
                entry.asker.cancel()
                entry.asker = None

    def wire(self) -> dict[str, Any]:
        """Return `inputRequests`: everything outstanding."""
        return {key: entry.question.on_wire() for key, entry in self._open.items()}
