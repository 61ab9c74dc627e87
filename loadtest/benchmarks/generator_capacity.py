"""How much load a generator makes on one core: `python -m loadtest.benchmarks.generator_capacity [--seconds S] ...`.

Every generator makes the same MCP call, a `tools/call` with a number of its own, of sixteen users against one null
server, parses the answer and looks for the number; wrk alone sends always the same and reads nothing. Generators have
one core, the server another. The server counts what it answered, the system what the generator's processes used: calls
a second depend on who else is at work on the machine, calls a second of processor time hardly do, and decide.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from loadtest.benchmarks.environments import Environments, default_cache
from loadtest.benchmarks.generators import GENERATORS, Generator
from loadtest.benchmarks.machine import GENERATOR, MEASURED, on_core
from loadtest.resources import processor_seconds

__all__ = ["Rate", "main", "rate_of", "served"]

_OURS = "McpHttpUser"
_ENOUGH = 200
"""Calls after which a generator is taken to be at work."""
_PATIENCE = 60.0
_SETTLE = 0.7


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls, in so many seconds on the wall, with so many of processor time."""

    calls: int
    seconds: float
    processor: float

    @property
    def by_wall(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    @property
    def by_processor(self) -> float:
        """Calls a second of processor time."""
        return self.calls / self.processor


class _Server:
    """The null server, which tells how many calls it has answered."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._ask, self._tell = process.stdin, process.stdout
        self.url = f"http://127.0.0.1:{int(self._tell.readline())}/mcp"

    def count(self) -> int:
        """Return how many calls were answered so far."""
        self._ask.write("\n")
        self._ask.flush()
        return int(self._tell.readline())


@contextmanager
def served() -> Iterator[_Server]:
    """Run the null server on the measured core."""
    command = [sys.executable, "-m", "loadtest.benchmarks.counting_server"]
    with on_core(MEASURED):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    with process:
        yield _Server(process)


def rate_of(command: list[str], server: _Server, seconds: float) -> Rate:
    """Run a generator until it has been at work for so many seconds; return what it did in them.

    Raises `RuntimeError`, with what it said, for one that does not get to work.
    """
    before = server.count()
    with tempfile.TemporaryFile() as said, on_core(GENERATOR):
        process = psutil.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said)
        try:
            patience = time.monotonic() + _PATIENCE
            while server.count() < before + _ENOUGH:
                if process.poll() is not None or time.monotonic() > patience:
                    said.seek(0)
                    raise RuntimeError(said.read()[-2000:].decode("utf-8", "replace"))
                time.sleep(0.05)
            time.sleep(_SETTLE)
            calls, used, began = server.count(), _used(process), time.perf_counter()
            time.sleep(seconds)
            calls, used = server.count() - calls, _used(process) - used
            return Rate(calls, time.perf_counter() - began, used)
        finally:
            _end(process)


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _used(process: psutil.Process) -> float:
    return sum(processor_seconds(each) or 0.0 for each in _family(process))


def _end(process: psutil.Popen) -> None:
    family = _family(process) if process.poll() is None else []
    for each in reversed(family):
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    process.communicate()
    psutil.wait_procs(family, timeout=_PATIENCE)


def _measure(generators: dict[str, Generator], seconds: float, rounds: int, cache: Path) -> dict[str, list[Rate]]:
    rates: dict[str, list[Rate]] = {}
    environments = Environments(cache)
    with tempfile.TemporaryDirectory() as folder, served() as server:
        for turn in range(rounds):
            for name, generator in generators.items():
                sys.stderr.write(f"round {turn + 1}: {name}\n")
                try:
                    command = generator.command(server.url, Path(folder), environments)
                except FileNotFoundError as missing:
                    sys.stderr.write(f"  left out: {missing}\n")
                    continue
                rates.setdefault(name, []).append(rate_of(command, server, seconds))
    return rates


def _table(rates: dict[str, list[Rate]]) -> tuple[Table, bool]:
    """Return the table, and whether all goals were reached."""
    table = Table("generator", "calls/s", "calls/s of processor", "range", "ours is", "goal", "")
    ours = statistics.median(rate.by_processor for rate in rates[_OURS])
    met = True
    for name, seen in rates.items():
        of_processor = [rate.by_processor for rate in seen]
        median = statistics.median(of_processor)
        goal = GENERATORS[name].goal
        reached = goal is None or ours / median >= goal
        met = met and reached
        table.add_row(
            name,
            f"{statistics.median(rate.by_wall for rate in seen):,.0f}",
            f"{median:,.0f}",
            f"{min(of_processor):,.0f}..{max(of_processor):,.0f}",
            f"{ours / median:.2f} x",
            "" if goal is None else f"{goal:g} x",
            "" if goal is None else ("met" if reached else "missed"),
        )
    return table, met


def main() -> int:
    """Run the rounds and print the table; return 0 if all goals were reached, 1 if one was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each is measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often")
    parser.add_argument("--only", nargs="*", choices=GENERATORS, default=list(GENERATORS), metavar="NAME")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where the peers are kept")
    options = parser.parse_args()
    chosen = {name: GENERATORS[name] for name in dict.fromkeys([_OURS, *options.only])}
    table, met = _table(_measure(chosen, options.seconds, options.rounds, options.cache))
    Console(width=120).print(table)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
