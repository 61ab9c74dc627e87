"""Live progress on standard error while something runs: a line a stage in a terminal, and elsewhere, where nobody
watches but a log is kept, a line of text now and then, at growing distances."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

from reports.records import Outcome
from reports.text import visible

__all__ = ["Live", "Stage"]

_ROOMY = 100
"""Columns from which on there is room for a bar and a clock."""
_INTERVAL, _SHARE = 10.0, 0.1
"""Seconds between two lines of a log at least, and as a share of how long it has taken already."""
_COUNTED: dict[Outcome, str] = {"passed": "green", "failed": "red", "broken": "magenta"}


class Live:
    """The one progress display of a run; `clock` tells seconds."""

    def __init__(
        self, *, quiet: bool = False, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._clock = clock
        self._began = self._told = clock()
        # FORCE_COLOR makes a terminal of a log, as far as colours go; nothing can be painted over there.
        watched = self._console.is_terminal if console is not None else sys.stderr.isatty()
        self.painted = watched and not quiet and os.environ.get("TERM") != "dumb"
        self._progress = Progress(
            *_columns(self._console.width),
            console=self._console,
            transient=True,
            expand=True,
            disable=not self.painted,
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
        return Stage(self, self._progress, self._progress.add_task(name, total=total, note="", counts=""))

    def log(self, told: Callable[[], str]) -> None:
        """Say how far a stage is, where nothing is painted and it is time to."""
        now = self._clock()
        if self.painted or self._quiet or now - self._told < max(_INTERVAL, _SHARE * (now - self._began)):
            return
        self._told = now
        self.say(f"{now - self._began:4.0f} s  {visible(told())}")


class Stage:
    """One piece of work in the display."""

    def __init__(self, live: Live, progress: Progress, task: TaskID) -> None:
        self._live = live
        self._progress = progress
        self._task = task
        self._counts: Counter[Outcome] = Counter()

    def step(self, note: str = "", *, to: float | None = None, outcome: Outcome | None = None) -> None:
        """Advance the work by one step, which had an outcome, or to a number of steps. `note`: what it is at."""
        if outcome is not None:
            self._counts[outcome] += 1
        counts = " ".join(f"[{style}]{self._counts[name]:,} {name}[/]" for name, style in self._counted())
        if to is None:
            self._progress.update(self._task, advance=1, note=visible(note), counts=counts)
        else:
            self._progress.update(self._task, completed=to, note=visible(note), counts=counts)
        self._live.log(lambda: self._told(note))

    def _counted(self) -> list[tuple[Outcome, str]]:
        return [(name, style) for name, style in _COUNTED.items() if self._counts[name]]

    def _told(self, note: str) -> str:
        task = next(task for task in self._progress.tasks if task.id == self._task)
        done = f"{task.completed:,.0f}" + ("" if task.total is None else f" of {task.total:,.0f}")
        counts = [f"{self._counts[name]:,} {name}" for name, _ in self._counted()]
        return ", ".join(filter(None, [f"{task.description}: {done}", *counts, note]))


def _columns(width: int) -> list[ProgressColumn]:
    roomy = width >= _ROOMY
    return [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *([BarColumn(bar_width=16)] if roomy else []),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TextColumn(
            "{task.fields[note]}",
            style="dim",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
        *([TimeElapsedColumn()] if roomy else []),
    ]
