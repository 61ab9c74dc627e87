"""What a command refuses to do, as one line and an exit code."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit", "Refusal"]


class Exit(IntEnum):
    """The exit codes, each with one meaning."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    WORSE = 4
    FAULT = 5
    INTERRUPTED = 130


class Refusal(Exception):  # noqa: N818 - the door refuses; nothing has gone wrong in it
    """A command cannot go on. The message is one line that says what to do; `code` is the exit code."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code
