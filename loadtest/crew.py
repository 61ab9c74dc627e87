"""One or several generators as one: what each of them reports adds up to a single measurement. Pure, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loadtest.reporting import Delta, Measurement, Phase, Progress, WorkerEnd
from loadtest.totals import RecorderState, SecondState, absorb, percentile
from reports.records import Counts, WorkerHealth

__all__ = ["Crew"]


@dataclass(slots=True)
class _Member:
    """What is known of one generator."""

    until: float = 0.0
    total: int = 0
    failed: int = 0
    in_flight: int = 0
    lag: float = 0.0
    end: WorkerEnd | None = None

    def add(self, state: RecorderState) -> None:
        self.total += sum(each.total for each in state.operations.values())
        self.failed += sum(each.failed for each in state.operations.values())


class Crew:
    """All generators of a run. What each of them did until it was last heard of is in `state`, exactly once."""

    def __init__(self) -> None:
        self.state = RecorderState(operations={})
        self._members: dict[int, _Member] = {}

    def __bool__(self) -> bool:
        """Tell whether anything was reported."""
        return bool(self._members)

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return any(each.end is not None and each.end.host for each in self._members.values())

    @property
    def present(self) -> int:
        """How many have not come to their end."""
        return sum(each.end is None for each in self._members.values())

    @property
    def in_flight(self) -> int:
        """How many requests were out when last heard of."""
        return sum(each.in_flight for each in self._members.values() if each.end is None)

    @property
    def lag(self) -> float:
        """How late the timers of the worst generator were, in seconds, when last heard of."""
        return max((each.lag for each in self._members.values() if each.end is None), default=0.0)

    def add(self, delta: Delta) -> None:
        """Take what one of them recorded."""
        member = self._member(delta.worker)
        member.until, member.in_flight, member.lag = delta.until, delta.in_flight, delta.lag
        member.add(delta.state)
        absorb(self.state, delta.state)

    def end(self, end: WorkerEnd) -> None:
        """Take how one of them ended, with what it had not reported before."""
        member = self._member(end.worker)
        member.end = end
        if end.measurement is not None:
            member.until = end.measurement.seconds
            member.add(end.measurement.state)
            absorb(self.state, end.measurement.state)

    def _member(self, worker: int) -> _Member:
        return self._members.setdefault(worker, _Member())

    @property
    def _last(self) -> SecondState:
        """The last second that all who are there have told of."""
        members = self._members.values()
        elapsed = min((each.until for each in members if each.end is None), default=0.0)
        return self.state.second(int(elapsed) - 1)

    @property
    def rate(self) -> float:
        """How many requests ended in the last second that is complete."""
        return float(self._last.completed)

    def progress(self, duration: float) -> Progress:
        """Return how the run stands, by the last second that all who are there have told of."""
        members = self._members.values()
        elapsed = min((each.until for each in members if each.end is None), default=duration)
        last = self._last
        phase: Phase = "measuring" if elapsed < duration else "finishing"
        return Progress(
            phase=phase,
            elapsed=min(elapsed, duration),
            remaining=max(0.0, duration - elapsed),
            completed=sum(each.total for each in members),
            failed=sum(each.failed for each in members),
            rate=float(last.completed),
            p50=percentile(last, 50),
            p99=percentile(last, 99),
        )

    def measurement(self, ended: str = "") -> Measurement:
        """Return all of them as one: sums of what was done, and the worst of how they fared.

        `ended` says why the run is over, where those that were never heard of again cannot say so themselves.
        """
        told = [each.end.measurement for each in self._members.values() if each.end and each.end.measurement]
        rates = [each.calibration_rate for each in told if each.calibration_rate is not None]
        return Measurement(
            state=self.state,
            seconds=max((each.until for each in self._members.values()), default=0.0),
            lag_p99=max((each.lag_p99 for each in told), default=self.lag),
            lag_p99_9=max((each.lag_p99_9 for each in told), default=self.lag),
            held_up=max((each.held_up for each in told), default=0.0),
            busy_seconds=sum(each.busy_seconds for each in told),
            late=sum(each.late for each in told),
            given_up=sum(each.given_up for each in told),
            calibration_rate=sum(rates) if rates and len(rates) == len(self._members) else None,
            complete=len(told) == len(self._members) and all(each.complete for each in told),
            ended="; ".join(dict.fromkeys(filter(None, (ended, *(each.ended for each in told))))),
            in_flight=sum(each.in_flight for each in told) + self.in_flight,
            held_back=sum(each.held_back for each in told),
            cpu_percent=max((each.cpu_percent for each in told if each.cpu_percent is not None), default=None),
            silence=min((each.silence for each in told), default=0.0),
        )

    def health(self) -> tuple[WorkerHealth, ...]:
        """Return how each of several fared; nothing where there was but one."""
        if not self.several:
            return ()
        return tuple(_health(worker, each) for worker, each in sorted(self._members.items()))

    def losses(self, *, interrupted: bool = False) -> Iterable[str]:
        """Yield a sentence for each that was lost, or left before the others although nobody interrupted the run."""
        for worker, each in sorted(self._members.items()):
            if each.end is None or not each.end.host:
                continue
            told, who = each.end.measurement, f"worker {worker} ({each.end.host})"
            if told is None:
                share = f"its work after second {each.until:.1f} is not counted"
                yield f"{who} was lost: {each.end.lost}; {share}"
            elif not (told.complete or told.ended or interrupted):
                yield f"{who} left early, after {each.until:.1f} s"


def _health(worker: int, member: _Member) -> WorkerHealth:
    end = member.end or WorkerEnd(worker=worker, host="", lost="never heard of again")
    told = end.measurement
    return WorkerHealth(
        worker=worker,
        host=end.host,
        counts=Counts(total=member.total, ok=member.total - member.failed, failed=member.failed),
        seconds=round(member.until, 3),
        lag_p99_ms=round(1000 * (told.lag_p99 if told else member.lag), 3),
        cpu_percent=None if told is None or told.cpu_percent is None else round(told.cpu_percent, 1),
        calibration_rate=None if told is None or told.calibration_rate is None else round(told.calibration_rate, 1),
        clock_offset_ms=round(1000 * end.clock_offset, 3),
        clock_uncertainty_ms=round(1000 * end.clock_uncertainty, 3),
        late_ms=round(1000 * end.late, 3),
        lost=end.lost,
    )
