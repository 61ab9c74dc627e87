"""Questions of our server that hang on one another: each is made when those before it have been answered."""

from __future__ import annotations

from collections.abc import Generator
from itertools import chain
from typing import Any

from conformance.clients.reply import Later, Message, Step, Wait
from conformance.clients.scenario import Scene

__all__ = ["Answers", "Script", "dialogue"]

Answers = list[Message | None]
"""The client's answers to a round of questions, in their order; None where there was none in time."""
Script = Generator[list[Message], Answers, None]
"""Yields rounds of questions, without ids, and gets their answers."""
_MOST = 40
"""Rounds of one dialogue."""


def dialogue(scene: Scene, script: Script, name: str) -> tuple[Step, ...]:
    """Return the steps of a dialogue, to go out before a response. `name` is what the ids of its questions begin with.

    Each round goes out at once; a question that is not answered in time holds up the next round, and no more.
    """
    asked: list[str] = []
    count = 0
    over = False

    def ask() -> list[Message]:
        nonlocal over, count, asked
        if over:
            return []
        answers = [scene.answers.get(identifier) for identifier in asked]
        try:
            questions = script.send(answers) if count else next(script)
        except StopIteration:
            over = True
            asked = []
            return []
        asked = [f"{name}-{count + number}" for number in range(len(questions))]
        count += max(1, len(questions))
        return [_numbered(question, identifier) for question, identifier in zip(questions, asked, strict=True)]

    def answered() -> bool:
        return scene.answered(*asked)

    return tuple(chain.from_iterable((Later(ask), Wait(answered)) for _ in range(_MOST)))


def _numbered(question: Message, identifier: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, **question}
