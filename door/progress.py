"""Live progress on standard error while something runs: a bar in a terminal, nothing at all elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Live"]


class Live:
    """The one progress display of a run. `stage` begins a piece of work, `step` advances it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._current: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a piece of work of `total` steps (None: unknown)."""
        if self._current is not None:
            self._progress.remove_task(self._current)
        self._current = self._progress.add_task(name, total=total, note="")

    def step(self, note: str = "", *, to: float | None = None) -> None:
        """Advance the current work by one step, or to a number of steps."""
        if self._current is None:
            return
        if to is None:
            self._progress.update(self._current, advance=1, note=note[:40])
        else:
            self._progress.update(self._current, completed=to, note=note[:40])
