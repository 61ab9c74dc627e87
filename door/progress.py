"""Live progress on standard error while something runs: a bar in a terminal, nothing at all elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Live", "Stage"]


class Live:
    """The one progress display of a run."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet
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

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the display, or where there is none by itself."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def announce(self, text: str) -> None:
        """Say what was found while the work goes on, unless no progress is wanted."""
        if not self._quiet:
            self.say(text)

    def stage(self, name: str, total: int | None = None, *, beside: bool = False) -> Stage:
        """Begin a piece of work of `total` steps (None: unknown), after the others or `beside` them."""
        if not beside:
            for task in self._progress.task_ids:
                self._progress.remove_task(task)
        return Stage(self._progress, self._progress.add_task(name, total=total, note=""))


class Stage:
    """One piece of work in the display."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def step(self, note: str = "", *, to: float | None = None) -> None:
        """Advance the work by one step, or to a number of steps."""
        if to is None:
            self._progress.update(self._task, advance=1, note=note[:40])
        else:
            self._progress.update(self._task, completed=to, note=note[:40])
