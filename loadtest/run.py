"""Running a load plan: start the Locust process, follow it, bound it, and turn what it reports into records.

This side knows no gevent and no Locust, so it may be called from any program; one thread is blocked for the time of the
run. However the run ends, no process of it is left.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Literal, NamedTuple

from loadtest.crew import Crew
from loadtest.ending import told
from loadtest.fleet import Alone, Assignment, Fleet, Master, encode
from loadtest.meter import INTERVAL, Meter
from loadtest.outcome import LoadOutcome, conclude
from loadtest.reporting import (
    Delta,
    Fault,
    Finished,
    Measurement,
    Notice,
    Progress,
    Report,
    Started,
    WorkerEnd,
    decode_report,
)
from loadtest.workload import ClosedModel, LoadPlan, StdioTarget

__all__ = ["LoadError", "LoadOutcome", "Progress", "Reports", "Watch", "engine", "interruptions", "run_load"]

_NEEDED = ("locust", "hdrh", "httptools")
_STARTUP_SECONDS = 15.0
_STOP_SECONDS = 5.0
_TOGETHER_SECONDS = 20.0
"""What several generators need beside, to start and to stop."""
_STDERR_KEPT = 2000
# Our own package must be found wherever the parent found it, and nothing in the working directory instead.
_BOOT = (
    "import sys; root = sys.argv[1]; root in sys.path or sys.path.insert(0, root); "
    "from loadtest.engine import main; main()"
)


class LoadError(Exception):
    """There is no measurement. `whose` tells a target out of reach from a fault of the generator or of the setup."""

    def __init__(self, message: str, whose: Literal["target", "generator", "setup"]) -> None:
        super().__init__(message)
        self.whose = whose


@dataclass(frozen=True, slots=True)
class Watch:
    """Who watches a run, in the thread that waits for it.

    `figures` is given all that was recorded until then about once a second, `notice` what there is to say, such as of a
    worker that has come. `metrics` is the page of Prometheus that tells what the target costs, where it is elsewhere.
    """

    figures: Callable[[Crew], None] = lambda _: None
    notice: Callable[[str], None] = lambda _: None
    metrics: str | None = None


def run_load(
    plan: LoadPlan,
    on_progress: Callable[[Progress], None] = lambda _: None,
    *,
    fleet: Fleet | None = None,
    watch: Watch | None = None,
) -> LoadOutcome:
    """Carry out a plan, by one generator or by those of a `fleet`; return its records.

    `on_progress` is called about once a second. On Ctrl-C (KeyboardInterrupt) the run ends early and what was recorded
    so far is returned, marked as interrupted; so it is where the generator itself ends in the middle of its work.
    Raises `LoadError` where nothing was measured, and KeyboardInterrupt where nothing was yet.
    """
    _refuse(plan, fleet)
    role = Alone() if fleet is None else Master(fleet=fleet)
    with tempfile.TemporaryFile() as stderr, engine(Assignment(role=role, plan=plan), stderr) as process:
        return _Run(_Job(plan, fleet, on_progress, watch or Watch()), process, stderr).follow()


def _refuse(plan: LoadPlan, fleet: Fleet | None) -> None:
    """Raise `LoadError` for what cannot be done here, or not as it is meant."""
    if os.name != "posix":
        raise LoadError("load tests need process groups and non-blocking pipes: run them on Linux or macOS", "setup")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise LoadError(f"load tests need {', '.join(missing)}: install mcp-touchstone[load]", "setup")
    if fleet is None:
        return
    if fleet.remote and isinstance(plan.target, StdioTarget):
        raise LoadError("a command is put under load by this machine alone: take --processes, or a URL", "setup")
    if isinstance(plan.model, ClosedModel) and plan.model.users < fleet.workers:
        raise LoadError(f"{plan.model.users} users are too few for {fleet.workers} workers", "setup")


@contextlib.contextmanager
def engine(assignment: Assignment, stderr: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process of Locust in a session of its own; kill whatever is left of that session in the end."""
    root = str(Path(__file__).resolve().parent.parent)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-c", _BOOT, root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(encode(assignment) + b"\n")
            process.stdin.flush()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


class Reports:
    """What a process of Locust reports. Whatever interrupts the reader, no report is lost or comes twice."""

    def __init__(self, stdout: IO[bytes]) -> None:
        self._stdout = stdout
        self._rest = b""
        self._lines: deque[bytes] = deque()

    def next(self) -> Report | None:
        """Return the next report, None where there is none for a moment. Raises `EOFError` behind the last."""
        if not self._lines:
            with selectors.DefaultSelector() as selector:
                selector.register(self._stdout, selectors.EVENT_READ)
                if not selector.select(INTERVAL):
                    return None
            chunk = os.read(self._stdout.fileno(), 65536)
            if not chunk:
                raise EOFError
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._lines.extend(lines)
        return decode_report(self._lines.popleft()) if self._lines else None


@contextlib.contextmanager
def interruptions() -> Iterator[Callable[[], None]]:
    """Put Ctrl-C off to where it can do no harm: the function that is given raises it there.

    Whoever asks a second time is not made to wait. Only the main thread is interrupted at all.
    """
    asked = 0
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        if asked > 1 and callable(before):
            before(number, frame)

    def give_way() -> None:
        nonlocal asked
        if asked:
            asked = 0
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, ask)
    try:
        yield give_way
    finally:
        signal.signal(signal.SIGINT, before)


class _Job(NamedTuple):
    plan: LoadPlan
    fleet: Fleet | None
    progress: Callable[[Progress], None]
    watch: Watch


class _Run:
    """One run, followed from outside."""

    def __init__(self, job: _Job, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        self._plan = plan = job.plan
        self._several = (fleet := job.fleet) is not None
        self._progress = job.progress
        self._watch = job.watch
        assert process.stdout is not None
        self._process = process
        self._reports = Reports(process.stdout)
        self._stderr = stderr
        self._crew = Crew()
        self._fault: Fault | None = None
        self._finished = False
        self._interrupted = False
        # Opening, calibration and measurement each wait for at most a few timeouts (see `Measure.run`).
        longest = _STARTUP_SECONDS + plan.warm_up + plan.duration + 2 * plan.calibration + 8 * plan.timeout
        if fleet is not None:
            longest += fleet.patience + 10 * _TOGETHER_SECONDS
        self._deadline = time.monotonic() + longest
        self._meter = Meter(process.pid, plan.target_pid, job.watch.metrics)

    def follow(self) -> LoadOutcome:
        """Read reports until the process ends; return the outcome."""
        with interruptions() as give_way:
            try:
                self._read(give_way)
            except KeyboardInterrupt:
                self._interrupted = True
                self._stop(give_way)
            if not self._over and time.monotonic() >= self._deadline:
                self._stop(give_way)
        return self._conclude()

    @property
    def _over(self) -> bool:
        return self._finished or self._fault is not None

    def _stop(self, give_way: Callable[[], None]) -> None:
        """Ask the process to report what it has, and give it a moment to."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        self._deadline = time.monotonic() + _STOP_SECONDS + (_TOGETHER_SECONDS if self._several else 0.0)
        with contextlib.suppress(KeyboardInterrupt):
            self._read(give_way)

    def _read(self, give_way: Callable[[], None]) -> None:
        """Take reports, sampling in between, until the last one, the end of the process, or the deadline."""
        with contextlib.suppress(EOFError):
            while not self._over and time.monotonic() < self._deadline:
                give_way()
                report = self._reports.next()
                if report is not None:
                    self._take(report)
                self._meter.sample()

    def _take(self, report: Report) -> None:
        match report:
            case Progress():
                self._progress(report)
            case Notice():
                self._watch.notice(report.text)
            case Started():
                self._meter.switch(report)
            case Delta():
                self._add(report)
            case Measurement():
                self._crew.end(WorkerEnd(worker=0, host="", measurement=report))
                self._finished = True
            case WorkerEnd():
                self._crew.end(report)
            case Finished():
                self._finished = True
            case Fault():
                self._fault = report

    def _add(self, delta: Delta) -> None:
        self._crew.add(delta)
        self._watch.figures(self._crew)
        if self._several:
            self._progress(self._crew.progress(self._plan.duration))

    def _conclude(self) -> LoadOutcome:
        cost = self._meter.cost()
        if self._interrupted and not self._crew:
            raise KeyboardInterrupt
        if self._fault is not None:
            raise LoadError(self._fault.message, self._fault.whose)
        broken = "" if self._finished else f"the load generator ended without a result{self._last_words()}"
        if not self._crew:
            raise LoadError(broken or "no worker measured anything", "generator")
        self._watch.figures(self._crew)
        measured = self._crew.measurement()
        used = measured.cpu_percent if self._several and measured.cpu_percent is not None else self._meter.cpu_percent
        outcome = conclude(self._plan, measured, cost, used, interrupted=self._interrupted)
        return told(outcome, self._crew, measured, broken)

    def _last_words(self) -> str:
        self._stderr.seek(0)
        said = self._stderr.read().decode("utf-8", "replace").strip()
        return f": {said[-_STDERR_KEPT:]}" if said else ""
