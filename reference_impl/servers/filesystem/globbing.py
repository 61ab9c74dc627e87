"""Globs over paths, matched name by name, so that a walk leaves out directories in which nothing can match."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from reference_impl.server import ToolError

__all__ = ["Glob", "States"]

_LONGEST = 500
_MOST_NAMES = 32
_ANY_DEPTH = "**"

States = frozenset[int]
"""Positions in the pattern at which the next name may be compared."""


class Glob:
    """A pattern of names with `*`, `?` and `[...]`, and `**` for any number of directories.

    One without a slash matches a name at any depth. Raises `ToolError` for what is no pattern.
    """

    __slots__ = ("_folds", "_names", "start")

    def __init__(self, pattern: str, *, ignore_case: bool = False) -> None:
        self._folds = ignore_case
        names = [name for name in pattern.split("/") if name not in ("", ".")]
        if not names or len(pattern) > _LONGEST or len(names) > _MOST_NAMES or "\0" in pattern:
            raise ToolError(f"A glob has 1 to {_LONGEST} characters and {_MOST_NAMES} names at the most")
        if "/" not in pattern:
            names.insert(0, _ANY_DEPTH)
        self._names = [None if name == _ANY_DEPTH else self._compiled(name) for name in names]
        self.start = self._closed([0])

    def _compiled(self, name: str) -> re.Pattern[str]:
        return re.compile(fnmatch.translate(name.casefold() if self._folds else name))

    def step(self, states: States, name: str) -> States:
        """Return where the pattern stands behind one more name; nowhere if nothing below can match."""
        text = name.casefold() if self._folds else name
        return self._closed(after for state in states for after in self._after(state, text))

    def _after(self, state: int, text: str) -> tuple[int, ...]:
        if state == len(self._names):
            return ()
        pattern = self._names[state]
        if pattern is None:
            return (state,)
        return (state + 1,) if pattern.fullmatch(text) else ()

    def _closed(self, states: Iterable[int]) -> States:
        """Add what `**` reaches by standing for nothing."""
        reached = set()
        for state in states:
            reached.add(state)
            while state < len(self._names) and self._names[state] is None:
                state += 1  # noqa: PLW2901 - the same place, further on
                reached.add(state)
        return frozenset(reached)

    def accepts(self, states: States) -> bool:
        """Tell whether the names so far match."""
        return len(self._names) in states

    def matches(self, names: Iterable[str]) -> bool:
        """Tell whether a whole path matches."""
        states = self.start
        for name in names:
            states = self.step(states, name)
        return self.accepts(states)
