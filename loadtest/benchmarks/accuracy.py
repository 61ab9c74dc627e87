"""`python -m loadtest.benchmarks.accuracy [--attempts N] [--seconds S]`: are the latencies true?

A target of which every delay is known is measured by the open model, corrected and uncorrected, and by a closed loop of
eight users without pause. The truth is arithmetic: what each arrival of the schedule waits, sorted. An error is within
2 % or 1 ms of it. Whether the machine let us measure at all is told by timers beside generator and target that have
nothing else to do (`timers`); of several attempts the one whose timers were the least late counts.

Exit codes: 0 all within the bounds and the closed loop wrong by ten times, 1 not, 3 the machine was too busy to say.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from loadtest.benchmarks.servers.delayed import BIMODAL, CONSTANT, PERIOD, RARE, SERVICE, STALL
from loadtest.benchmarks.timers import timers
from loadtest.run import Progress, run_load
from loadtest.schedule import intended_starts
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, Model, OpenModel, Operation, Workload
from reference_impl.protocol.revisions import LATEST
from reports.histogram import decode
from reports.records import Latency, Load

__all__ = ["LAWS", "Law", "main", "quantile", "truth", "within"]

RATE = 500.0
USERS = 32
CLOSED_USERS = 8
PERCENTS = (50.0, 99.0, 99.9)
_QUIET_MS = 1.0
"""As much as an error may be: timers that are later cannot tell."""
_ECHO = Operation(name="echo", method="tools/call", params={"name": "echo", "arguments": {"text": "{n}"}}, echoes=True)


@dataclass(frozen=True, slots=True)
class Law:
    """A law of delay: its name, and what the arrival of a number, at a moment, waits (both from 0)."""

    name: str
    wait: Callable[[int, float], float]


LAWS = (
    Law("constant", lambda number, start: CONSTANT),  # noqa: ARG005 - the same for all
    Law("bimodal", lambda number, start: BIMODAL[number % RARE == 0]),  # noqa: ARG005 - by number alone
    Law("stalls", lambda number, start: SERVICE + max(0.0, start % PERIOD - (PERIOD - STALL))),  # noqa: ARG005 - by time alone
)
"""Over whole periods it makes no difference where in its period the first arrival falls, nor which way a stall runs:
the waits of those who come in it are the distances to its end, and so are, mirrored, those to its beginning."""


def truth(law: Law, model: OpenModel, seconds: float) -> list[float]:
    """Return what the arrivals of a schedule wait (seconds), ascending."""
    return sorted(law.wait(number, start) for number, start in enumerate(intended_starts(model, seconds, 0)))


def quantile(waits: list[float], percent: float) -> float:
    """Return the wait that so many percent do not exceed."""
    return waits[max(0, math.ceil(round(len(waits) * percent / 100, 6)) - 1)]


def within(measured: float, true: float) -> bool:
    """Return whether a latency (seconds) is true within 2 % or 1 ms."""
    return abs(measured - true) <= max(0.02 * true, 0.001)


def told(latency: Latency, percent: float) -> float:
    """Return a percentile of a recorded distribution in seconds, however few its samples."""
    values = decode(latency.histogram)
    rank = math.ceil(round(sum(each.count for each in values) * percent / 100, 6))
    for each in values:
        rank -= each.count
        if rank <= 0:
            return each.value / 1e6
    return 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of the open model, and how late the timers of the two latest processors were meanwhile, together, since a
    call waits for both: milliseconds, percentile 99.95."""

    open: Load
    lag_ms: float

    @property
    def quiet(self) -> bool:
        """Whether the machine left us alone."""
        return self.lag_ms <= _QUIET_MS and self.open.valid


def attempt(law: Law, seconds: float) -> Attempt:
    """Measure a law once."""
    return Attempt(*_measured(law, OpenModel(rate=RATE, users=USERS), seconds))


def _measured(law: Law, model: Model, seconds: float) -> tuple[Load, float]:
    priority = _Priority()
    with _served(law) as target, timers(_processors()) as lags:
        row = run_load(
            LoadPlan(
                target=target,
                revision=LATEST.name,
                workload=Workload(name="accuracy", operations=(_ECHO,)),
                model=model,
                duration=seconds,
                warm_up=1.0,
                calibration=0.0,
            ),
            priority.step_back,
        ).overall
        priority.take_again()
    return row, sum(sorted(lags)[-2:])


class _Priority:
    """Priority that we were given (`chrt -f 10`) is for generator and target: we, who only watch, do without."""

    def __init__(self) -> None:
        self._there = sys.platform == "linux"
        self._policy = os.sched_getscheduler(0) if self._there else 0
        self._parameter = os.sched_getparam(0) if self._there else None

    def step_back(self, _: Progress) -> None:
        """Give it up, now that they run."""
        if self._there and self._policy != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def take_again(self) -> None:
        """Take it again, for those that are started next."""
        if self._parameter is not None:
            os.sched_setscheduler(0, self._policy, self._parameter)


def _processors() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]


@contextmanager
def _served(law: Law) -> Iterator[HttpTarget]:
    """Run the target in a process of its own."""
    command = [sys.executable, "-m", "loadtest.benchmarks.servers.delayed", law.name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdin is not None
        assert process.stdout is not None
        yield HttpTarget(url=f"http://127.0.0.1:{int(process.stdout.readline())}/mcp")
        process.stdin.close()


def best(law: Law, seconds: float, attempts: int) -> Attempt:
    """Return the attempt whose timers were the least late; a quiet one ends the matter."""
    tried: list[Attempt] = []
    while len(tried) < attempts and not (tried and tried[-1].quiet):
        tried.append(attempt(law, seconds))
        sys.stderr.write(f"{law.name}: attempt {len(tried)}, timers late by {tried[-1].lag_ms:.2f} ms\n")
    return min(tried, key=lambda each: each.lag_ms)


def main() -> int:
    """Measure all laws, print the table, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.benchmarks.accuracy", description=__doc__)
    parser.add_argument("--attempts", type=int, default=5, help="how often each is tried until the machine is quiet")
    parser.add_argument("--seconds", type=int, default=20, help="how long each run is: whole periods of ten")
    parser.add_argument("--only", default="", metavar="LAW", help="constant, bimodal or stalls alone")
    options = parser.parse_args()
    if options.seconds < PERIOD or options.seconds % PERIOD:
        parser.error(f"--seconds {options.seconds}: stalls come every {PERIOD:g} s, and only whole periods are exact")
    found = [(law, best(law, options.seconds, options.attempts)) for law in LAWS if options.only in law.name]
    console = Console(width=110)
    true, fooled = _show(console, found, options.seconds)
    busy = [law.name for law, attempt in found if not attempt.quiet]
    if busy:
        console.print(f"too busy to say: timers were late by more than {_QUIET_MS:g} ms during {', '.join(busy)}")
        return 3
    console.print("every corrected percentile is true" if true else "a corrected percentile is wrong")
    console.print(f"the closed loop is wrong by {fooled:,.0f} times at worst")
    return 0 if true and (fooled >= 10 or options.only) else 1


def _show(console: Console, found: list[tuple[Law, Attempt]], seconds: float) -> tuple[bool, float]:
    """Print the table; return whether all corrected figures are true, and how wrong the closed loop is at worst."""
    table = Table("law", "", "truth", "corrected", "error", "uncorrected", "closed loop", "samples", "timers late")
    errors: list[bool] = []
    fooled = 1.0
    for law, attempt in found:
        waits = truth(law, OpenModel(rate=RATE, users=USERS), seconds)
        loop, _ = _measured(law, ClosedModel(users=CLOSED_USERS), seconds)
        assert attempt.open.uncorrected is not None
        for percent in PERCENTS:
            true = quantile(waits, percent)
            corrected = told(attempt.open.corrected, percent)
            closed = told(loop.corrected, percent)
            errors.append(within(corrected, true))
            fooled = max(fooled, true / closed)
            figures = (true, corrected, corrected - true, told(attempt.open.uncorrected, percent), closed)
            samples = f"{attempt.open.counts.total:,} / {loop.counts.total:,}"
            late = f"{attempt.lag_ms:.2f} ms"
            table.add_row(law.name, f"p{percent:g}", *(f"{1000 * each:,.2f} ms" for each in figures), samples, late)
    console.print(table)
    return all(errors), fooled


if __name__ == "__main__":
    raise SystemExit(main())
