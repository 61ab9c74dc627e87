"""One measurement inside the Locust process: users on a pace, watched from beside. Calibration is one as well."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import msgspec
from gevent.event import Event

from loadtest.locustfile import run_users, user_class
from loadtest.pace import ClosedPace, OpenPace
from loadtest.recorder import Recorder, percentile
from loadtest.reporting import Measurement, Phase, Progress, Report, Started
from loadtest.scenarios import scenario_named
from loadtest.schedule import intended_starts
from loadtest.traffic import Traffic
from loadtest.users import McpUser
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, OpenModel, StdioTarget, Target
from reference_impl.metrics import LatencyHistogram
from reference_impl.protocol.revisions import LATEST, revision_named

__all__ = ["Measure", "calibrate"]

_LAG_INTERVAL = 0.01
_LAG_TOLERATED = 0.005
_RATE_INTERVAL = 0.1
_CALIBRATION_USERS = 16


class Measure:
    """A plan being carried out. `tell` is given progress about once a second, `stop` ends the measurement early."""

    def __init__(self, plan: LoadPlan, stop: Event, tell: Callable[[Report], None]) -> None:
        self._plan = plan
        self._stop = stop
        self._tell = tell
        self._lag = LatencyHistogram()
        self._held_up = 0.0
        self.best_rate = 0.0
        """Good answers a second in the best tenth of a second."""
        self._recorder = Recorder()
        self._traffic = Traffic(
            plan.workload.operations, revision_named(plan.revision) or LATEST, self._recorder, seed=plan.seed
        )
        self._pace = self._make_pace()
        self.kind = self._make_kind()

    def _make_pace(self) -> OpenPace | ClosedPace:
        plan, model = self._plan, self._plan.model
        seconds = plan.warm_up + plan.duration
        if isinstance(model, OpenModel):
            return OpenPace(intended_starts(model, seconds, plan.seed), model.users, plan.timeout)
        return ClosedPace(seconds, model.users, model.think)

    def _make_kind(self) -> type[McpUser]:
        plan = self._plan
        return user_class(
            plan.target,
            revision=plan.revision,
            timeout=plan.timeout,
            traffic=self._traffic,
            pace=self._pace,
            scenario=scenario_named(plan.workload.scenario),
            parameters=plan.workload.parameters,
        )

    def run(self, calibration_rate: float | None = None) -> Measurement:
        """Carry out the plan and return what was measured."""
        plan = self._plan
        watchers = [
            gevent.spawn(watch) for watch in (self._start, self._measure_lag, self._watch_rate, self._report_progress)
        ]
        # To open, to drain the arrivals that wait at the end, and for their answers: each has its timeout.
        deadline = plan.warm_up + plan.duration + 3 * plan.timeout + 1.0
        complete = run_users(self.kind, plan.model.users, deadline, self._stop)
        gevent.killall(watchers)
        self._tell(Started(measuring=False))
        elapsed = time.perf_counter() - self._recorder.measure_from if self._pace.gate.begin else 0.0
        return Measurement(
            state=self._recorder.state(),
            seconds=plan.duration if complete else max(0.0, min(plan.duration, elapsed)),
            lag_p99=self._lag.percentile(99),
            held_up=self._held_up,
            busy_seconds=self._traffic.busy_seconds,
            late=self._pace.late,
            given_up=self._traffic.given_up,
            calibration_rate=calibration_rate,
            complete=complete,
        )

    def _start(self) -> None:
        self._pace.gate.wait_for_users(self._plan.timeout)
        begin = time.perf_counter()
        self._recorder.measure_from = begin + self._plan.warm_up
        self._pace.gate.open(begin)

    def _measuring_since(self) -> float:
        """Wait for the measurement to begin; return when it did."""
        self._pace.gate.wait_until_open()
        begin = self._recorder.measure_from
        gevent.sleep(max(0.0, begin - time.perf_counter()))
        return begin

    def _measure_lag(self) -> None:
        end = self._measuring_since() + self._plan.duration
        while (before := time.perf_counter()) < end:
            gevent.sleep(_LAG_INTERVAL)
            lag = max(0.0, time.perf_counter() - before - _LAG_INTERVAL)
            self._lag.record(lag)
            self._held_up += lag if lag > _LAG_TOLERATED else 0.0

    def _watch_rate(self) -> None:
        before = self._measuring_since()
        count = 0
        while True:
            gevent.sleep(_RATE_INTERVAL)
            now, (completed, failed) = time.perf_counter(), self._recorder.totals
            self.best_rate = max(self.best_rate, (completed - failed - count) / (now - before))
            before, count = now, completed - failed

    def _report_progress(self) -> None:
        self._tell(Progress(phase="warming up" if self._plan.warm_up else "measuring"))
        begin = self._measuring_since()
        self._tell(Started(measuring=True, target_pids=tuple(self.kind.pids())))
        for second in range(10**9):
            gevent.sleep(max(0.0, begin + second + 1 - time.perf_counter()))
            self._tell(self._progress(second))

    def _progress(self, second: int) -> Progress:
        completed, failed = self._recorder.totals
        last = self._recorder.second(second)
        elapsed = second + 1.0
        phase: Phase = "measuring" if elapsed < self._plan.duration else "finishing"
        return Progress(
            phase=phase,
            elapsed=min(elapsed, self._plan.duration),
            remaining=max(0.0, self._plan.duration - elapsed),
            completed=completed,
            failed=failed,
            rate=float(last.completed),
            p50=percentile(last, 50),
            p99=percentile(last, 99),
        )


def calibrate(plan: LoadPlan, stop: Event) -> float:
    """Return how many operations a second this generator makes against a server that does nothing.

    What it can do shows in its best moment: other programs on the machine only ever slow it down.
    """
    with _null_target(plan.target) as target:
        trial = msgspec.structs.replace(
            plan,
            target=target,
            model=ClosedModel(users=_CALIBRATION_USERS),
            duration=plan.calibration,
            warm_up=plan.calibration / 10,
        )
        measure = Measure(trial, stop, lambda _: None)
        operations = measure.run().state.operations.values()
        measure.kind.farewell()
    mean = sum(each.total - each.failed for each in operations) / plan.calibration
    return max(mean, measure.best_rate)


@contextmanager
def _null_target(like: Target) -> Iterator[Target]:
    command = [sys.executable, "-P", str(Path(__file__).with_name("null_server.py"))]
    if isinstance(like, StdioTarget):
        yield StdioTarget(argv=(*command, "--stdio"))
        return
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own program
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield HttpTarget(url=f"http://127.0.0.1:{int(server.stdout.readline())}/mcp")
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait()
