"""What callers get wrong, apart from what goes wrong."""

from __future__ import annotations

from reference_impl.server import ToolError

__all__ = ["NotThereError"]


class NotThereError(ToolError):
    """A name stands for nothing: no repository, no revision, no file. A resource of such a name does not exist."""
