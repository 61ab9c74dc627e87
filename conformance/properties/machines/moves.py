"""The moves by the names that steps have for them, in each era, and the performance of a play."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.properties.machines import changes, effects, legacy, legacy_tasks, modern, paging, play
from conformance.properties.machines.play import Move, Play
from conformance.properties.machines.seats import Seats
from conformance.properties.machines.steps import Step

__all__ = ["LEGACY", "MODERN", "perform"]

_BOTH: dict[str, Move] = {
    "ask": play.ask,
    "once more": play.once_more,
    "ask together": play.ask_together,
    "leave": play.leave,
    "give up": play.give_up,
    "repeat": play.repeat,
    "turn the page": paging.turn,
    "turn it again": paging.again,
    "foreign cursor": paging.foreign,
    "change": changes.change,
    "call again": effects.again,
}
LEGACY: dict[str, Move] = _BOTH | {
    "cancel": legacy.cancel,
    "cancel finished": legacy.cancel_finished,
    "cancel elsewhere": legacy.cancel_elsewhere,
    "delete": legacy.delete,
    "resume": legacy.resume,
    "task": legacy_tasks.make,
    "look at task": legacy_tasks.look,
    "find tasks": legacy_tasks.find,
    "fetch task": legacy_tasks.fetch,
    "cancel task": legacy_tasks.cancel,
}
MODERN: dict[str, Move] = _BOTH | {
    "cancel": modern.cancel,
    "listen": modern.listen,
    "unlisten": modern.unlisten,
    "question": modern.question,
    "task": modern.task,
}


async def perform(seats: Seats, steps: Sequence[Step]) -> None:
    """Play steps. Raises `Mismatch` with what is wrong, `NotOpened` if the target takes no conversation."""
    await Play(seats, MODERN if seats.bench.revision.modern else LEGACY).run(steps)
