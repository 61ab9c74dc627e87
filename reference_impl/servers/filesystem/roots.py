"""Which directories a call may use, and which place in them a path means."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reference_impl.server import Context, ToolError
from reference_impl.server.errors import SetupError
from reference_impl.servers.filesystem.beneath import Place, Root, parts_of
from reference_impl.servers.filesystem.limits import MOST_DEPTH, MOST_PATH
from reference_impl.servers.filesystem.uris import path_of

__all__ = ["Roots", "demand_plain_name", "located"]

_MOST_ROOTS = 100
_NO_ROOT = "The client names no directory that this server may use; it has to offer one as a root"
_UNSEEN = ("Cc", "Cf", "Zl", "Zp")
"""Categories of characters that show a name as another than it is: controls, direction marks, what has no width."""
_JOINERS = "\u200c\u200d"
"""These are of the category Cf too, but words of some scripts, and emojis, are not spelt without them."""


@dataclass(frozen=True, slots=True)
class Roots:
    """Where calls may go: `given` on the command line, the client's own (`asks`), or of these what is in the given."""

    given: tuple[Root, ...]
    asks: bool = False

    @classmethod
    def of(cls, paths: Sequence[str | os.PathLike[str]], *, asks: bool) -> Roots:
        """Return the roots at `paths`. Raises `SetupError` for what is no directory, and for no root at all."""
        if not paths and not asks:
            raise SetupError("name at least one directory that may be used, or let clients name them")
        return cls(tuple(_checked(os.fspath(path)) for path in paths), asks)

    async def of_call(self, context: Context) -> tuple[Root, ...]:
        """Return the roots for one call. Raises `ToolError` if there is none, and what asking for roots raises."""
        if not self.asks:
            return self.given
        named = await context.roots()
        roots = await asyncio.to_thread(self._admitted, named[:_MOST_ROOTS])
        if not roots:
            raise ToolError(_NO_ROOT)
        return roots

    def _admitted(self, named: list[dict[str, Any]]) -> tuple[Root, ...]:
        paths = [path for root in named if (path := path_of(str(root.get("uri")))) is not None and "\0" not in path]
        if not self.given:
            return tuple(dict.fromkeys(Root.at(path) for path in paths if os.path.isdir(path)))  # noqa: PTH112 - is the same
        return tuple(dict.fromkeys(root for path in paths for root in self._narrowed(path)))

    def _narrowed(self, path: str) -> list[Root]:
        """Return what the client's root leaves of ours; its path is compared by name, and looked at nowhere else."""
        if ".." in path.split("/"):
            return []
        inside = [root.within(parts) for root in self.given if (parts := root.beneath(path)) is not None]
        named = parts_of(path)
        return inside or [root for root in self.given if any(alias[: len(named)] == named for alias in root.aliases)]


def _checked(path: str) -> Root:
    if not path or "\0" in path or not os.path.isdir(path):  # noqa: PTH112 - it takes what the user typed
        raise SetupError(f"{path or 'an empty path'!r} is no directory that can be used: name one that exists")
    return Root.at(path)


def located(path: str, roots: Sequence[Root]) -> Place:
    """Return the place that a client's path means: absolute and beneath a root, or relative to the only root.

    Nothing is looked at: this reads names. Raises `ToolError`.
    """
    _demand_sane(path)
    if not path.startswith("/"):
        if len(roots) != 1:
            raise ToolError(f"{path}: which directory? Give the whole path, beneath one of {_listed(roots)}")
        return Place(roots[0], parts_of(path))
    found = [(root, parts) for root in roots if (parts := root.beneath(path)) is not None]
    if not found:
        raise ToolError(f"{path} is outside the directories that may be used: {_listed(roots)}")
    root, parts = min(found, key=lambda item: len(item[1]))
    return Place(root, parts)


def _demand_sane(path: str) -> None:
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        raise ToolError("The path is no valid Unicode text") from None
    if not path or "\0" in path:
        raise ToolError("A path must not be empty, nor contain a NUL character")
    if ".." in path.split("/"):
        raise ToolError(f"{path[:200]}: a path must not contain '..': name the place itself")
    if length > MOST_PATH or len(parts_of(path)) > MOST_DEPTH:
        raise ToolError(f"A path is {MOST_PATH} bytes long at the most, and {MOST_DEPTH} directories deep")


def demand_plain_name(name: str) -> None:
    """Check that the name of something new shows as what it is. Raises `ToolError`."""
    for character in name:
        if unicodedata.category(character) in _UNSEEN and character not in _JOINERS:
            raise ToolError(f"A new name must not contain the invisible character U+{ord(character):04X}")


def _listed(roots: Sequence[Root]) -> str:
    return ", ".join(root.path for root in roots)
