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
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal

import psutil

from loadtest.outcome import LoadOutcome, conclude
from loadtest.reporting import Fault, Measurement, Progress, Report, Started, decode_report
from loadtest.resources import ProcessTrees, processor_seconds, summarize
from loadtest.workload import LoadPlan, encode_plan
from reports.records import CostSample

__all__ = ["LoadError", "LoadOutcome", "Progress", "run_load"]

_NEEDED = ("locust", "hdrh", "httptools")
_SAMPLE_SECONDS = 0.25
_STARTUP_SECONDS = 15.0
_STOP_SECONDS = 3.0
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


def run_load(plan: LoadPlan, on_progress: Callable[[Progress], None] = lambda _: None) -> LoadOutcome:
    """Carry out a plan and return its records. Raises `LoadError` where nothing was measured.

    `on_progress` is called about once a second. On Ctrl-C (KeyboardInterrupt) the run ends early and what was recorded
    so far is returned, marked as interrupted.
    """
    if os.name != "posix":
        raise LoadError("load tests need process groups and non-blocking pipes: run them on Linux or macOS", "setup")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise LoadError(f"load tests need {', '.join(missing)}: install mcp-touchstone[load]", "setup")
    with tempfile.TemporaryFile() as stderr, _engine(plan, stderr) as process:
        return _Run(plan, process, stderr, on_progress).follow()


@contextlib.contextmanager
def _engine(plan: LoadPlan, stderr: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the Locust process in a session of its own; kill whatever is left of that session in the end."""
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
            process.stdin.write(encode_plan(plan) + b"\n")
            process.stdin.flush()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


class _Run:
    """One run, followed from outside."""

    def __init__(
        self,
        plan: LoadPlan,
        process: subprocess.Popen[bytes],
        stderr: IO[bytes],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._plan = plan
        self._process = process
        self._stderr = stderr
        self._on_progress = on_progress
        self._end: Measurement | Fault | None = None
        self._interrupted = False
        # Opening, calibration and measurement each wait for at most a few timeouts (see `Measure.run`).
        longest = _STARTUP_SECONDS + plan.warm_up + plan.duration + 2 * plan.calibration + 8 * plan.timeout
        self._deadline = time.monotonic() + longest
        self._meter = _Meter(process.pid, plan.target_pid)

    def follow(self) -> LoadOutcome:
        """Read reports until the process ends; return the outcome."""
        assert self._process.stdout is not None
        try:
            self._read(self._process.stdout)
        except KeyboardInterrupt:
            self._interrupted = True
            self._stop(self._process.stdout)
        if self._end is None and time.monotonic() >= self._deadline:
            self._stop(self._process.stdout)
        return self._conclude()

    def _stop(self, stdout: IO[bytes]) -> None:
        """Ask the process to report what it has, and give it a moment to."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        self._deadline = time.monotonic() + _STOP_SECONDS
        self._read(stdout)

    def _read(self, stdout: IO[bytes]) -> None:
        """Take reports, sampling in between, until the last one, the end of the process, or the deadline."""
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while self._end is None and time.monotonic() < self._deadline:
                if selector.select(_SAMPLE_SECONDS):
                    chunk = os.read(stdout.fileno(), 65536)
                    if not chunk:
                        return
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        self._take(decode_report(line))
                self._meter.sample()

    def _take(self, report: Report) -> None:
        match report:
            case Progress():
                self._on_progress(report)
            case Started(measuring=True):
                self._meter.start(report.target_pids)
            case Started():
                self._meter.stop()
            case Measurement() | Fault():
                self._end = report

    def _conclude(self) -> LoadOutcome:
        match self._end:
            case Measurement() as measured:
                meter = self._meter
                return conclude(
                    self._plan, measured, summarize(meter.series), meter.cpu_percent, interrupted=self._interrupted
                )
            case Fault() as fault:
                raise LoadError(f"the target could not be opened: {fault.message}", fault.whose)
        if self._interrupted:
            raise LoadError("interrupted before anything was measured", "setup")
        raise LoadError(f"the load generator ended without a result{self._last_words()}", "generator")

    def _last_words(self) -> str:
        self._stderr.seek(0)
        said = self._stderr.read().decode("utf-8", "replace").strip()
        return f": {said[-_STDERR_KEPT:]}" if said else ""


class _Meter:
    """Measures the target's processes and the generator's own while a measurement lasts."""

    def __init__(self, generator: int, target: int | None) -> None:
        self._generator = generator
        self._target = target
        self._trees: ProcessTrees | None = None
        self._began = self._next = 0.0
        self._used = 0.0
        self.cpu_percent = 0.0
        self.series: list[CostSample] = []

    def start(self, pids: tuple[int, ...]) -> None:
        """Begin with the measurement; `pids` are the processes that the run started."""
        self._trees = ProcessTrees(pids or (() if self._target is None else (self._target,)))
        self._began = self._next = time.monotonic()
        self._used = self._processor()
        self.sample()

    def sample(self) -> None:
        """Take a sample if one is due."""
        now = time.monotonic()
        if self._trees is None or now < self._next:
            return
        self._next = now + _SAMPLE_SECONDS
        used = self._processor()
        if now > self._began:
            self.cpu_percent = 100 * (used - self._used) / (now - self._began)
        cost = self._trees.sample(now - self._began)
        if cost is not None:
            self.series.append(cost)

    def stop(self) -> None:
        """End with the measurement."""
        self._next = 0.0
        self.sample()
        self._trees = None

    def _processor(self) -> float:
        with contextlib.suppress(psutil.Error):
            return processor_seconds(psutil.Process(self._generator)) or self._used
        return self._used
