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
from loadtest.pace import ClosedPace, OpenPace, Seating
from loadtest.part import ALONE, Part
from loadtest.recorder import Recorder
from loadtest.reporting import Delta, Measurement, Phase, Progress, Report, Started
from loadtest.scenarios import STEADY, scenario_named
from loadtest.schedule import intended_starts
from loadtest.throttle import Throttle
from loadtest.totals import percentile
from loadtest.traffic import Traffic
from loadtest.users import McpUser
from loadtest.workload import (
    ClosedModel,
    HttpTarget,
    LoadPlan,
    OpenModel,
    SseTarget,
    StdioTarget,
    Target,
    WebSocketTarget,
)
from reference_impl.metrics import LatencyHistogram
from reference_impl.protocol.revisions import LATEST, revision_named

__all__ = ["Measure", "calibrate"]

_LAG_INTERVAL = 0.01
_LAG_TOLERATED = 0.005
_RATE_INTERVAL = 0.1
_CALIBRATION_USERS = 16
_SETTLE_SECONDS = 2.0


class Measure:
    """A plan being carried out, or `part` of it. `tell` is given progress about once a second, `stop` ends it early."""

    def __init__(self, plan: LoadPlan, stop: Event, tell: Callable[[Report], None], part: Part = ALONE) -> None:
        self._plan = plan
        self._part = part
        self._ended = ""
        self._stop = stop
        self._tell = tell
        self._lag = LatencyHistogram()
        self._held_up = self._worst_lag = 0.0
        self.best_rate = 0.0
        """Good answers a second in the best tenth of a second."""
        self._recorder = Recorder()
        cap = plan.rate_cap
        self._throttle = None if cap is None else Throttle(cap / part.workers, gevent.sleep)
        self._traffic = Traffic(
            plan.workload.operations,
            revision_named(plan.revision) or LATEST,
            self._recorder,
            seed=plan.seed,
            worker=part.worker,
            admit=None if self._throttle is None else self._throttle.admit,
        )
        self._pace = self._make_pace()
        self.kind = self._make_kind()

    def _make_pace(self) -> OpenPace | ClosedPace:
        plan, model = self._plan, self._plan.model
        seconds = plan.warm_up + plan.duration
        if isinstance(model, OpenModel):
            starts = self._part.arrivals(intended_starts(model, seconds, plan.seed, plan.warm_up))
            return OpenPace(starts, self._users(), plan.timeout)
        part, shape = self._part, model.shape
        seating = None if shape is None else Seating(shape, plan.warm_up, part.worker, part.workers)
        return ClosedPace(seconds, self._users(), model.think, seating)

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
        own = (self._start, self._measure_lag, self._watch_rate, self._report_progress, self._watch_silence)
        watchers = [gevent.spawn(watch) for watch in own]
        # To open, to drain the arrivals that wait at the end, and for their answers: each has its timeout.
        deadline = plan.warm_up + plan.duration + 3 * plan.timeout + 1.0 + self._part.patience
        used = time.process_time()
        complete = run_users(self.kind, self._users(), deadline, self._stop, self._settle)
        gevent.killall(watchers)
        self._tell(Started(measuring=False))
        elapsed = time.perf_counter() - self._recorder.measure_from if self._pace.gate.begin else 0.0
        return Measurement(
            ended=self._ended,
            in_flight=self._traffic.in_flight,
            held_back=0 if self._throttle is None else self._throttle.held_back,
            cpu_percent=100 * (time.process_time() - used) / max(elapsed + plan.warm_up, 0.1),
            state=self._recorder.state(),
            seconds=plan.duration if complete else max(0.0, min(plan.duration, elapsed)),
            lag_p99=self._lag.percentile(99),
            lag_p99_9=self._lag.percentile(99.9),
            held_up=self._held_up,
            busy_seconds=self._traffic.busy_seconds,
            late=self._pace.late,
            given_up=self._traffic.given_up,
            calibration_rate=calibration_rate,
            complete=complete,
            silence=silence if (silence := self._recorder.silence) >= plan.silence else 0.0,
        )

    def _users(self) -> int:
        model = self._plan.model
        # An arrival that nobody is there for would be lost: each part of an open model has a user.
        return self._part.users(model.users, least=isinstance(model, OpenModel))

    def _settle(self) -> None:
        """Send nothing more, and let what is under way be answered, for a while."""
        self._pace.over = True
        latest = time.perf_counter() + min(self._plan.timeout, _SETTLE_SECONDS)
        while self._traffic.in_flight and time.perf_counter() < latest:
            gevent.sleep(_LAG_INTERVAL)

    def _watch_silence(self) -> None:
        """End the run when the target does not answer any more: nobody is served by more requests."""
        self._pace.gate.wait_until_open()
        while True:
            gevent.sleep(_RATE_INTERVAL)
            since = self._recorder.silent_since
            if since is not None and time.perf_counter() - since >= self._plan.silence:
                self._ended = f"the target answered nothing for {self._plan.silence:g} s"
                self._stop.set()
                return

    def _start(self) -> None:
        self._pace.gate.wait_for_users(self._plan.timeout)
        begin = self._part.begin(tuple(self.kind.pids()))
        self._recorder.measure_from = begin + self._plan.warm_up
        self._pace.gate.open(begin)

    def _measuring_since(self) -> float:
        """Wait for the measurement to begin; return when it did."""
        self._pace.gate.wait_until_open()
        begin = self._recorder.measure_from
        gevent.sleep(max(0.0, begin - time.perf_counter()))
        return begin

    def _measure_lag(self) -> None:
        due = self._measuring_since()
        end = due + self._plan.duration
        # On a schedule, as the calls are: of a stall every timer counts that it held up.
        while (due := due + _LAG_INTERVAL) < end:
            gevent.sleep(max(0.0, due - time.perf_counter()))
            lag = max(0.0, time.perf_counter() - due)
            self._lag.record(lag)
            self._worst_lag = max(self._worst_lag, lag)
            self._held_up += _LAG_INTERVAL if lag > _LAG_TOLERATED else 0.0

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
            if self._part.report is not None:
                self._report(self._part.report, begin)

    def _report(self, report: Callable[[Delta], None], begin: float) -> None:
        """Hand over what was recorded: it is coded while requests go on, in small pieces."""
        drained, until = self._recorder.drain(), time.perf_counter() - begin
        gevent.sleep(0)
        state = drained.state()
        report(Delta(until=until, state=state, in_flight=self._traffic.in_flight, lag=self._worst_lag))
        self._worst_lag = 0.0

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
            # Its calls alone: what turns do around them is made for the target.
            workload=msgspec.structs.replace(plan.workload, scenario=STEADY.name, parameters={}),
            model=ClosedModel(users=_CALIBRATION_USERS),
            rate_cap=None,
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
        address = f"127.0.0.1:{int(server.stdout.readline())}"
        match like:
            case SseTarget():
                yield SseTarget(url=f"http://{address}/sse")
            case WebSocketTarget():
                yield WebSocketTarget(url=f"ws://{address}/ws")
            case _:
                yield HttpTarget(url=f"http://{address}/mcp")
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait()
