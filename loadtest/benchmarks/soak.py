"""An hour's worth of bad manners in minutes: does a server, or a client, keep anything of those who have gone?

Rounds of visits, each followed by a rest in which everybody leaves and what was abandoned expires. At rest the process
must hold what it held before: tasks, sessions, subscriptions, descriptors and threads to the last one; objects and
resident memory must not grow with the visits. Growth is the slope over the rounds, with its 95 % interval; only
where all of the interval lies above what noise explains, it is called a leak.

`python -m loadtest.benchmarks.soak [--rounds N] [--visits N]` prints every round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from rich.console import Console
from rich.table import Table

from loadtest.benchmarks.http_load import listening
from loadtest.benchmarks.line_visits import Lines
from loadtest.benchmarks.machine import GENERATOR, MEASURED, started
from loadtest.benchmarks.rounds import Benchmark, Case, Limit, Sample
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.visits import Place, ask, rest, storm

__all__ = ["Growth", "Rest", "Soak", "benchmarks", "growth", "soak_client", "soak_line_server", "soak_server"]

_BYTES = 64.0
"""Bytes of resident memory a visit may leave behind before it counts: less than any object that could leak."""
_NOISE = 1024 * 1024
"""Bytes that memory may grow by in all, which pages half used explain."""
_OBJECTS = 0.02
"""Objects a visit may leave behind before it counts: one in fifty visits."""
_WARM_UP = 2
"""Rounds that are not judged: caches fill, and the allocator finds its size."""
_SETTLING = 10.0
_LOOKS = 5
_SOAKED = [sys.executable, "-m", "loadtest.benchmarks.servers.soaked"]
_CLIENT = [sys.executable, "-m", "loadtest.benchmarks.clients.soaked"]


@dataclass(frozen=True, slots=True)
class Rest:
    """What a process holds at rest: `counts` by name, which must come back to the last one, objects, and bytes."""

    counts: dict[str, int]
    objects: int
    resident: int


@dataclass(frozen=True, slots=True)
class Growth:
    """What a visit leaves behind, in the middle, and the ends of the 95 % interval."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Soak:
    """What was found: every rest, in order."""

    name: str
    visits: int
    rests: tuple[Rest, ...]

    @property
    def judged(self) -> tuple[Rest, ...]:
        """The rests after the warm-up."""
        return self.rests[min(_WARM_UP, len(self.rests) // 2) :]

    @property
    def left_over(self) -> dict[str, int]:
        """What the last rest has more of than the first that counts."""
        first, last = self.judged[0].counts, self.judged[-1].counts
        return {name: last[name] - first[name] for name in last if last[name] > first[name]}

    @property
    def bytes(self) -> Growth:
        """Bytes of resident memory that a visit leaves behind."""
        return growth([rest.resident for rest in self.judged], self.visits)

    @property
    def objects(self) -> Growth:
        """Objects that a visit leaves behind."""
        return growth([rest.objects for rest in self.judged], self.visits)

    @property
    def leaks(self) -> bool:
        """The verdict."""
        return bool(self.left_over) or self.certain_bytes > _BYTES or self.objects.low > _OBJECTS

    @property
    def certain_bytes(self) -> float:
        """Bytes that a visit leaves behind at least; none where all visits together left no more than noise."""
        low = self.bytes.low
        return low if low * self.visits * (len(self.judged) - 1) > _NOISE else 0.0


def growth(values: Sequence[float], visits: int) -> Growth:
    """Return the median of the slopes between all pairs of rounds, for each visit, with the interval of Theil and Sen
    (95 %, from the variance of Kendall's statistic); fewer than four rounds tell nothing."""
    number = len(values)
    slopes = sorted(
        (later - earlier) / (j - i) / visits
        for i, earlier in enumerate(values)
        for j, later in enumerate(values)
        if i < j
    )
    if number < 4:
        return Growth(statistics.median(slopes) if slopes else 0.0, -math.inf, math.inf)
    spread = 1.96 * math.sqrt(number * (number - 1) * (2 * number + 5) / 18)
    lowest = max(0, math.floor((len(slopes) - spread) / 2))
    return Growth(statistics.median(slopes), slopes[lowest], slopes[-1 - lowest])


# Soaking a server -------------------------------------------------------------------------------------


def soak_server(rounds: int, visits: int, tell: Callable[[str, Rest], None] | None = None) -> Soak:
    """Soak the reference server over HTTP, with all its doors open."""
    rests = []
    with listening([*_SOAKED, "http"]) as (port, pid):
        process, place = psutil.Process(pid), Place(port)
        asyncio.run(storm(place, visits // 10))
        for _ in range(rounds):
            asyncio.run(storm(place, visits))
            rests.append(_settled(lambda: _server_at_rest(place, process)))
            if tell is not None:
                tell("server", rests[-1])
    return Soak("server over HTTP", visits, tuple(rests))


def soak_line_server(rounds: int, visits: int, tell: Callable[[str, Rest], None] | None = None) -> Soak:
    """Soak the reference server over stdio: one conversation, as long as a host's day."""
    rests = []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with started([*_SOAKED, "stdio"], MEASURED, **pipes) as process:
        lines, measured = Lines(process), psutil.Process(process.pid)
        for _ in range(rounds):
            lines.storm(visits)
            rests.append(_settled(lambda: _rest(measured, lines.ask("census"))))
            if tell is not None:
                tell("server, stdio", rests[-1])
    return Soak("server over stdio", visits, tuple(rests))


def _server_at_rest(place: Place, process: psutil.Process) -> Rest:
    asyncio.run(rest(place))
    return _rest(process, asyncio.run(ask(place, "census")))


def _rest(process: psutil.Process, held: dict[str, int]) -> Rest:
    objects = held.pop("objects")
    counts = {**held, "descriptors": _descriptors(process), "threads": process.num_threads()}
    return Rest(counts, objects, process.memory_info().rss)


def _descriptors(process: psutil.Process) -> int:
    """Count without the connection of whoever asks, which the process may be about to close."""
    counts = []
    for _ in range(_LOOKS):
        counts.append(process.num_fds())
        time.sleep(0.02)
    return min(counts)


def _settled(look: Callable[[], Rest]) -> Rest:
    """Look until two looks in a row find the same counts: what leaves politely takes a moment."""
    deadline, before = time.monotonic() + _SETTLING, look()
    while time.monotonic() < deadline:
        now = look()
        if now.counts == before.counts:
            return now
        before = now
    return before


# Soaking a client -------------------------------------------------------------------------------------


def soak_client(transport: str, rounds: int, visits: int, tell: Callable[[str, Rest], None] | None = None) -> Soak:
    """Soak the reference client over `http` or `stdio`, against the reference server."""
    rests = []
    with _target(transport) as target, _client(target) as process:
        for _ in range(rounds):
            held = _told(process, visits)
            rests.append(_rest(psutil.Process(process.pid), held))
            if tell is not None:
                tell(f"client, {transport}", rests[-1])
    return Soak(f"client over {transport}", visits, tuple(rests))


@contextmanager
def _target(transport: str) -> Iterator[list[str]]:
    if transport == "stdio":
        yield [*_SOAKED, "stdio"]
        return
    with listening([*_SOAKED, "http"]) as (port, _):
        yield [f"http://127.0.0.1:{port}/mcp"]


@contextmanager
def _client(target: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with started([*_CLIENT, *target], GENERATOR, **pipes) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the client did not start")
        yield process


def _told(process: subprocess.Popen[bytes], visits: int) -> dict[str, int]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"%d\n" % visits)
    process.stdin.flush()
    held: dict[str, int] = json.loads(process.stdout.readline())
    return held


# Reports ----------------------------------------------------------------------------------------------


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return the soaks as benchmarks: bytes that a visit leaves behind, of which noise explains some."""
    visits = int(250 * settings.seconds)
    soaks: dict[str, Callable[[], Soak]] = {
        "server over HTTP": lambda: soak_server(10, visits),
        "server over stdio": lambda: soak_line_server(10, visits),
        "client over HTTP": lambda: soak_client("http", 8, visits // 10),
        "client over stdio": lambda: soak_client("stdio", 8, max(4, visits // 200)),
    }
    cases = tuple(Case(name, lambda soak=soak: _sample(soak())) for name, soak in soaks.items())  # type: ignore[misc] # the default binds
    return [
        Benchmark(
            "resident memory that a visit leaves behind, for sure",
            "bytes",
            cases,
            limits=tuple(Limit(name, _BYTES) for name in soaks),
            less_is_better=True,
        )
    ]


def _sample(soak: Soak) -> Sample:
    if soak.left_over or soak.objects.low > _OBJECTS:
        raise RuntimeError(f"{soak.name}: left behind {soak.left_over}, objects {soak.objects}")
    return Sample(soak.certain_bytes)


def main(arguments: list[str] | None = None) -> int:
    """Soak everything; exit with 1 where something leaks."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.benchmarks.soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--visits", type=int, default=6000, help="visits to the server in each round")
    options = parser.parse_args(arguments)
    console = Console()

    def tell(who: str, rest_of: Rest) -> None:
        counts = ", ".join(f"{name} {number}" for name, number in rest_of.counts.items())
        console.print(f"{who}: {rest_of.resident / 2**20:.1f} MiB, {rest_of.objects} objects, {counts}")

    soaks = (
        soak_server(options.rounds, options.visits, tell),
        soak_line_server(options.rounds, options.visits, tell),
        soak_client("http", options.rounds, options.visits // 20, tell),
        soak_client("stdio", options.rounds, options.visits // 500, tell),
    )
    console.print(_table(soaks))
    return 1 if any(soak.leaks for soak in soaks) else 0


def _table(soaks: Sequence[Soak]) -> Table:
    table = Table("who", "visits", "bytes each (95 %)", "objects each (95 %)", "left over", "verdict")
    for soak in soaks:
        each = (f"{one.middle:.2f} ({one.low:.2f} to {one.high:.2f})" for one in (soak.bytes, soak.objects))
        left = ", ".join(f"{name} {number}" for name, number in soak.left_over.items()) or "nothing"
        visits = f"{len(soak.judged) * soak.visits:,}"
        table.add_row(soak.name, visits, *each, left, "leak" if soak.leaks else "flat")
    return table


if __name__ == "__main__":
    raise SystemExit(main())
