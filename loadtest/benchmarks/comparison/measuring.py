"""How one case is measured, by our own load generator: the server on one core, the generator on another."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from loadtest.benchmarks.comparison.cases import MODES, OURS, Library, Mode, library_named
from loadtest.benchmarks.comparison.first_call import over_http, over_stdio
from loadtest.benchmarks.comparison.results import Row, Run, Sessions, Start
from loadtest.benchmarks.environments import Environments
from loadtest.benchmarks.http_load import free_port
from loadtest.benchmarks.machine import GENERATOR, MEASURED, on_core, seconds_at_work, started
from loadtest.benchmarks.memory import idle_growth
from loadtest.resources import processor_seconds
from loadtest.run import LoadOutcome, run_load
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, OpenModel, Operation, StdioTarget, Target, Workload
from reports.records import Load
from reports.units import percentiles, percentiles_of

__all__ = ["USERS", "Case", "Lengths", "calibrated", "measure", "others_at_rest"]

USERS = 16
"""Users of the closed loop."""
_CONNECTIONS = 64
_CHURNERS = 4
_ECHO = Operation(name="echo", method="tools/call", params={"name": "echo", "arguments": {"text": "{n}"}}, echoes=True)
_STEADY = Workload(name="echo", operations=(_ECHO,))
_SET_UP = "session set-up"
_CHURN = Workload(
    name="session churn",
    operations=(_ECHO,),
    scenario="churn",
    parameters={"begin": _SET_UP, "end": "session end", "process": False, "hello": None},
)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Seconds of each part, and how many idle sessions are opened. A load at a rate lasts until there are `enough`
    samples for its p99, between `open` and `longest`."""

    closed: float = 1.8
    open: float = 1.5
    longest: float = 3.2
    enough: int = 1100
    churn: float = 1.5
    warm_up: float = 0.3
    idle: int = 400


@dataclass(slots=True)
class Case:
    """A library asked in one mode. `base` is the rate that shares are of: what the first closed loop made."""

    library: Library
    mode: Mode
    environments: Environments
    calibrated: float | None = None
    base: float | None = None
    rows: list[Row] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, str]:
        """The library's and the mode's."""
        return self.library.name, self.mode.name

    @property
    def command(self) -> list[str]:
        """The server's command; over HTTP it takes the port as last argument."""
        return self.library.command(self.environments, self.mode)


def measure(case: Case, number: int, shares: Sequence[float], lengths: Lengths) -> None:
    """Measure a case once: first call, closed loop, a rate for each share of it, and sessions the first time.

    Raises `LacksError`, `LoadError` and `WrongAnswerError`.
    """
    library, mode = case.names
    rows: list[Row] = []
    with _at_work(case) as (target, pid, first):
        rows.append(Start(library=library, mode=mode, round=number, first_call_ms=first))
        bench = _Bench(case, target, pid, number, lengths)
        closed = bench.closed()
        case.base = case.base or max(1.0, float(f"{closed.throughput:.2g}"))
        rows += [closed, *(bench.open(case.base * share) for share in shares)]
    if case.mode.sessions and number == 1:
        with _at_work(case) as (target, pid, _):  # a fresh process: its memory has no room from before
            assert isinstance(target, HttpTarget)
            assert pid is not None
            rows.append(_sessions(case, target, pid, lengths))
    case.rows += rows


@contextmanager
def _at_work(case: Case) -> Iterator[tuple[Target, int | None, float]]:
    """Give the target, the server's pid where it has one already, and what its first call took."""
    headers = dict(case.library.headers.get(case.mode.name, {}))
    if case.mode.transport == "stdio":
        first = over_stdio(case.command, case.mode)
        yield StdioTarget(argv=(*_pinned(), *case.command)), None, first
        return
    port, began = free_port(), time.perf_counter()
    with started([*case.command, str(port)], MEASURED, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        first = over_http(began, port, case.mode, headers)
        yield HttpTarget(url=f"http://127.0.0.1:{port}/mcp", headers=headers), process.pid, first


def _pinned() -> list[str]:
    """Return what puts a command on the measured core: the generator, which starts it, is on another."""
    taskset = shutil.which("taskset")
    return [] if MEASURED is None or taskset is None else [taskset, "-c", str(MEASURED)]


@dataclass(frozen=True, slots=True)
class _Bench:
    case: Case
    target: Target
    pid: int | None
    number: int
    lengths: Lengths

    def closed(self) -> Run:
        """Ask as fast as answers come."""
        return self._run(ClosedModel(users=USERS), self.lengths.closed)

    def open(self, rate: float) -> Run:
        """Ask at a rate, whatever comes back."""
        lengths = self.lengths
        seconds = min(lengths.longest, max(lengths.open, lengths.enough / rate))
        return self._run(OpenModel(rate=rate, users=_CONNECTIONS), seconds)

    def _run(self, model: ClosedModel | OpenModel, seconds: float) -> Run:
        # A server on standard streams is a child of the generator and ends with it: nobody can tell what it took.
        others = _unknown if self.pid is None else others_while(self.pid)
        row = _loaded(self.case, self.target, self.pid, (_STEADY, model, seconds, self.lengths.warm_up)).overall
        return _told(self.case, self.number, row, others())


def _loaded(
    case: Case, target: Target, pid: int | None, what: tuple[Workload, ClosedModel | OpenModel, float, float]
) -> LoadOutcome:
    workload, model, seconds, warm_up = what
    plan = LoadPlan(
        target=target,
        revision=case.mode.revision.name,
        workload=workload,
        model=model,
        duration=seconds,
        warm_up=warm_up,
        target_pid=pid,
        calibration=0.0,
        calibrated=case.calibrated,
    )
    with on_core(GENERATOR):
        return run_load(plan)


def calibrated(transport: str) -> float:
    """Return how many calls a second the generator makes against a server that does nothing. Nothing is pinned: that
    server is a child of the generator, and would share its core."""
    mode = next(each for each in MODES if each.transport == transport)
    case = Case(library_named(OURS), mode, Environments(Path()))
    with _at_work(case) as (target, _, __):
        plan = LoadPlan(
            target=target,
            revision=mode.revision.name,
            workload=_STEADY,
            model=ClosedModel(users=1),
            duration=0.2,
            calibration=2.0,
        )
        health = run_load(plan).overall.generator
    return (health.calibration_rate if health else None) or 0.0


def others_at_rest(seconds: float = 2.0) -> float | None:
    """Return the share of a core that others take while we do nothing; None where nobody can tell."""
    told = others_while()
    time.sleep(seconds)
    return told()


def _unknown() -> None:
    return None


def others_while(pid: int | None = None) -> Callable[[], float | None]:
    """Begin to watch the machine; the function tells which share of a core others took since then.

    Ours are this process, those that it has waited for, and the server `pid`.
    """
    process = None if pid is None else psutil.Process(pid)

    def read() -> tuple[float, float, float | None]:
        times = os.times()
        ours = times.user + times.system + times.children_user + times.children_system
        server = (processor_seconds(process) or 0.0) if process is not None else 0.0
        return time.perf_counter(), ours + server, seconds_at_work()

    began, used, busy = read()

    def told() -> float | None:
        now, ours, all_ = read()
        return None if all_ is None or busy is None else max(0.0, all_ - busy - (ours - used)) / (now - began)

    return told


def _told(case: Case, number: int, row: Load, others: float | None) -> Run:
    library, mode = case.names
    latency, cost = percentiles(row), row.target
    return Run(
        library=library,
        mode=mode,
        round=number,
        model=row.model,
        rate=row.rate,
        throughput=row.counts.ok / row.seconds if row.seconds else 0.0,
        total=row.counts.total,
        failed=row.counts.failed,
        p50=latency["p50"],
        p99=latency["p99"],
        p99_9=latency["p99.9"],
        uncorrected_p99=percentiles_of(row.uncorrected)["p99"] if row.uncorrected else None,
        cpu=_per_thousand(row),
        rss_mib=cost.rss_bytes_max / 2**20 if cost else None,
        threads=cost.threads_max if cost else None,
        limited=row.generator.reasons if row.generator else (),
        others=others,
    )


def _per_thousand(row: Load) -> float | None:
    if row.target is None or row.target.cpu_seconds is None or not row.counts.total:
        return None
    return row.target.cpu_seconds / row.counts.total * 1000


def _sessions(case: Case, target: HttpTarget, pid: int, lengths: Lengths) -> Sessions:
    library, mode = case.names
    grown = idle_growth(int(target.url.rsplit(":")[-1].partition("/")[0]), pid, lengths.idle)
    outcome = _loaded(case, target, pid, (_CHURN, ClosedModel(users=_CHURNERS), lengths.churn, lengths.warm_up))
    row = next(each for each in outcome.rows if each.operation == _SET_UP)
    latency, cost = percentiles(row), outcome.overall.target
    return Sessions(
        library=library,
        mode=mode,
        set_up_p50=latency["p50"],
        set_up_p99=latency["p99"],
        a_second=row.counts.ok / row.seconds if row.seconds else 0.0,
        failed=outcome.overall.counts.failed,
        cpu=cost.cpu_seconds / row.counts.ok * 1000 if cost and cost.cpu_seconds and row.counts.ok else None,
        idle=lengths.idle,
        idle_kib=grown,
    )
