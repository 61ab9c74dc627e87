"""Errors that servers and their handlers raise on purpose, and what clients are told of the others."""

from __future__ import annotations

import math
import re
from typing import Any

from reference_impl.protocol.errors import Code

__all__ = [
    "UNEXPECTED",
    "RateLimitedError",
    "ResourceNotFoundError",
    "SetupError",
    "ToolError",
    "code_of",
    "describe_error",
    "worth_a_trace",
]


class SetupError(Exception):
    """A server cannot be made of what it was given; its message is one line that says what to do."""


class ToolError(Exception):
    """A tool failed; its message goes to the model as a result with `isError` (`server/tools#error-handling`).

    `facts` are for programs: they become members of the result's `_meta`, each under `touchstone/`, or of the error's
    data where the answer is an error.
    """

    def __init__(self, message: str = "The operation failed", facts: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.facts = facts

    @property
    def meta(self) -> dict[str, Any] | None:
        """The facts as members of `_meta`."""
        return None if self.facts is None else {f"touchstone/{name}": value for name, value in self.facts.items()}


class RateLimitedError(ToolError):
    """Too many calls came; the client may try again after `seconds`.

    What it is told is rounded up: whoever comes back after exactly that is not too early once more.
    """

    def __init__(self, seconds: float) -> None:
        tenths, thousandths = math.ceil(seconds * 10) / 10, math.ceil(seconds * 1000) / 1000
        super().__init__(f"Rate limit exceeded: try again in {tenths:.1f} s", {"retryAfter": thousandths})
        self.seconds = seconds


class ResourceNotFoundError(Exception):
    """A resource handler has nothing at this URI."""


_TOLD: tuple[tuple[type[Exception], str, Code], ...] = (
    (PermissionError, "Permission denied for this operation", Code.INTERNAL_ERROR),
    (FileNotFoundError, "Requested resource not found", Code.INVALID_PARAMS),
    (TimeoutError, "The operation took too long", Code.INTERNAL_ERROR),
)
"""Kind of exception to what a client is told of it, and the code where that is an error: no revision has one for
permissions or times."""

UNEXPECTED = "An unexpected error occurred"
_LONGEST = 300
_PLACE = re.compile(
    r"""(['"])(?:~?/|[a-z]:\\|\\\\)[^'"]*\1"""
    r"""|(?<![\w.])(?:[a-z][a-z0-9+.-]*://[^\s'"]+|[a-z]:\\[^\s'"]*|\\\\[^\s'"]+|~?/[^\s'",;:)\]]+)""",
    re.IGNORECASE,
)
"""Paths of a machine, from its root or somebody's home, and URLs, which may hold a password."""


def worth_a_trace(error: Exception) -> Exception | None:
    """Return an error whose stack belongs into the log; a refusal of ours was meant, and may come by the thousand."""
    return None if isinstance(error, PermissionError) and error.errno is None else error


def describe_error(error: Exception) -> str:
    """Return what a client may know of an exception: never a path, a query or a stack.

    The words of a `ToolError` are meant for the client. Those of a plain `ValueError` are told without the places of
    this machine in them; kinds of it (`UnicodeDecodeError`, those of libraries) are not ours, and may say anything.
    """
    if isinstance(error, ToolError):
        return str(error)
    for kind, message, _ in _TOLD:
        if isinstance(error, kind):
            return message
    if type(error) is ValueError:
        words = _PLACE.sub("[...]", " ".join(str(error)[: 4 * _LONGEST].split()))[:_LONGEST]
        return f"Invalid input: {words}" if words else "Invalid input"
    if isinstance(error, ValueError):
        return "Invalid input"
    return UNEXPECTED


def code_of(error: Exception) -> Code:
    """Return the code of the error that an exception of a handler becomes, where no result can tell of it."""
    for kind, _, code in _TOLD:
        if isinstance(error, kind):
            return code
    return Code.INVALID_PARAMS if isinstance(error, ValueError) else Code.INTERNAL_ERROR
