"""Errors that servers and their handlers raise on purpose, and what clients are told of the others."""

from __future__ import annotations

__all__ = ["ResourceNotFoundError", "SetupError", "ToolError", "describe_error"]


class SetupError(Exception):
    """A server cannot be made of what it was given; its message is one line that says what to do."""


class ToolError(Exception):
    """A tool failed; its message goes to the model as a result with `isError` (`server/tools#error-handling`)."""


class ResourceNotFoundError(Exception):
    """A resource handler has nothing at this URI."""


_TOLD: tuple[tuple[type[Exception], str], ...] = (
    (PermissionError, "Permission denied for this operation"),
    (FileNotFoundError, "Requested resource not found"),
    (TimeoutError, "The operation took too long"),
)


def describe_error(error: Exception) -> str:
    """Return what a client may know of an exception: never a path, a query or a stack."""
    if isinstance(error, ToolError):
        return str(error)
    for kind, message in _TOLD:
        if isinstance(error, kind):
            return message
    if isinstance(error, ValueError):
        return f"Invalid input: {error}"
    return "An unexpected error occurred"
