"""Samples in, distributions out: the only place where a load run is counted.

The hot path only counts equal values, since a histogram takes six times as long to record into; `state` folds the
counts in. A run on several workers is the sum of their states (`loadtest.totals`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from loadtest.sample import Failure, Sample
from loadtest.totals import (
    FIRST_BYTE,
    FIRST_PROGRESS,
    HIGHEST,
    MICROSECONDS,
    OPENING,
    ErrorRow,
    OperationState,
    PhaseState,
    RecorderState,
    Remark,
    SecondState,
    encoded_histogram,
    histogram,
    one_second,
)
from reference_impl.metrics import ErrorClass, ErrorTable

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

__all__ = ["Recorder"]

_PENDING_LIMIT = 50_000
_LEADING_BITS = 11
"""As many as tell the buckets of a histogram of three digits apart: rounding to them loses nothing that it keeps."""
_REMARKS = 1000
_SILENCE = (ErrorClass.TRANSPORT, ErrorClass.HTTP_STATUS, ErrorClass.TIMEOUT)


class _Latencies:
    """A histogram whose newest values are still counted one by one."""

    __slots__ = ("_folded", "pending", "seconds")

    def __init__(self) -> None:
        self._folded = histogram()
        self.pending: dict[int, int] = {}
        self.seconds = 0.0

    def record(self, seconds: float) -> None:
        microseconds = int(seconds * MICROSECONDS)
        pending = self.pending
        pending[microseconds] = pending.get(microseconds, 0) + 1
        self.seconds += seconds
        if len(pending) >= _PENDING_LIMIT:
            self.fold()

    def fold(self) -> HdrHistogram:
        for value, times in self.pending.items():
            self._folded.record_value(min(value, HIGHEST), times)
        self.pending = {}
        return self._folded

    def encoded(self) -> str:
        encoded: bytes = self.fold().encode()
        return encoded.decode()


class _Tally:
    """One operation. Its corrected latencies are kept by seconds, and add up to the whole."""

    __slots__ = (
        "corrected_seconds",
        "errors",
        "failed",
        "first_byte",
        "first_progress",
        "seconds",
        "total",
        "uncorrected",
    )

    def __init__(self) -> None:
        self.total = self.failed = 0
        self.seconds: dict[int, SecondState] = {}
        self.corrected_seconds = 0.0
        self.uncorrected, self.first_byte = _Latencies(), _Latencies()
        self.first_progress: _Latencies | None = None
        self.errors = ErrorTable()

    def record(self, sample: Sample, second: int = 0) -> None:
        self.total += 1
        state = self.seconds.get(second)
        if state is None:
            state = self.seconds[second] = SecondState(latencies={})
        state.completed += 1
        failure = sample.failure
        if failure is not None:
            self.failed += 1
            state.failed += 1
            self.errors.record(failure.error_class, failure.code, failure.message)
            if failure.error_class is not ErrorClass.TIMEOUT:
                return
        latency = sample.corrected
        self.corrected_seconds += latency
        coarse = _coarse(int(latency * MICROSECONDS))
        state.latencies[coarse] = state.latencies.get(coarse, 0) + 1
        sent = sample.sent
        if sent < sample.done:  # else it was never sent, and nothing ran from there
            self.uncorrected.record(sample.done - sent)
            if failure is None:
                self.first_byte.record(sample.first_byte - sent)
                if sample.first_progress is not None:
                    self._record_progress(sample.first_progress - sent)

    def _record_progress(self, seconds: float) -> None:
        if self.first_progress is None:
            self.first_progress = _Latencies()
        self.first_progress.record(max(0.0, seconds))

    def state(self) -> OperationState:
        return OperationState(
            total=self.total,
            failed=self.failed,
            corrected=_summed(self.seconds.values()),
            uncorrected=self.uncorrected.encoded(),
            corrected_seconds=self.corrected_seconds,
            uncorrected_seconds=self.uncorrected.seconds,
            seconds=self.seconds,
            phases={name: PhaseState(histogram=each.encoded(), seconds=each.seconds) for name, each in self._phases()},
        )

    def _phases(self) -> Iterator[tuple[str, _Latencies]]:
        if self.first_byte.seconds:
            yield FIRST_BYTE, self.first_byte
        if self.first_progress is not None:
            yield FIRST_PROGRESS, self.first_progress


class Recorder:
    """Counts samples from `measure_from` on (seconds of the samples' clock); what was meant to start before is warm-up.

    Latencies are those of good answers and of timeouts: a request that was given up took at least that long, and to
    leave it out would flatter the target. Other failures have no latency worth the name. How conversations were opened
    is recorded apart (`record_opening`) and is no operation of the workload.
    """

    def __init__(self, measure_from: float = 0.0) -> None:
        self.measure_from = measure_from
        self.warm_up = 0
        self.silent_since: float | None = None
        """When the target began to answer nothing at all, None while it answers; an error of its own is an answer."""
        self._answered = self._unanswered = self._given_up = 0.0
        self._tallies: dict[str, _Tally] = {}
        self._opening: _Tally | None = None
        self._remarks: dict[str, list[Remark]] = {}
        self._told = (0, 0)

    def record(self, sample: Sample) -> None:
        """Count one sample."""
        if sample.failure is None or sample.failure.error_class not in _SILENCE:
            self.silent_since, self._answered = None, sample.done
        else:
            self._given_up = sample.done
            if self.silent_since is None:
                self.silent_since, self._unanswered = sample.done, max(sample.sent, self._answered)
        if sample.intended < self.measure_from:
            self.warm_up += 1
            return
        tally = self._tallies.get(sample.operation)
        if tally is None:
            tally = self._tallies[sample.operation] = _Tally()
        tally.record(sample, int(sample.done - self.measure_from))

    def record_opening(self, sample: Sample) -> None:
        """Count a handshake, whenever it happened."""
        if self._opening is None:
            self._opening = _Tally()
        self._opening.record(sample)

    def record_stray(self, operation: str, failure: Failure) -> None:
        """Count a fault that belongs to no request, such as a line on standard output that is no message."""
        self._tallies.setdefault(operation, _Tally()).errors.record(failure.error_class, failure.code, failure.message)

    def remark(self, remark: Remark) -> None:
        """Keep what a turn noticed; of more than a thousand of a kind, those that came first."""
        kept = self._remarks.setdefault(remark.kind, [])
        if len(kept) < _REMARKS:
            kept.append(remark)

    def drain(self) -> Recorder:
        """Hand over what was recorded since the last time, as a recorder of its own; `totals` go on counting."""
        taken = copy.copy(self)
        self._told = self.totals
        self._tallies, self._opening, self.warm_up, self._remarks = {}, None, 0, {}
        return taken

    @property
    def totals(self) -> tuple[int, int]:
        """How many operations ended so far, and how many of them failed."""
        tallies, (total, failed) = self._tallies.values(), self._told
        return total + sum(each.total for each in tallies), failed + sum(each.failed for each in tallies)

    @property
    def silence(self) -> float:
        """For how many seconds, up to the last sample, nothing was answered of what was asked; 0 where that was."""
        return 0.0 if self.silent_since is None else self._given_up - self._unanswered

    def second(self, index: int) -> SecondState:
        """Return what is known of a second, counted from the start of the measurement."""
        return one_second((tally.seconds for tally in self._tallies.values()), index)

    def state(self) -> RecorderState:
        """Return everything recorded so far."""
        tables = [(name, tally.errors) for name, tally in self._tallies.items()]
        if self._opening is not None:
            tables.append((OPENING, self._opening.errors))
        return RecorderState(
            operations={name: tally.state() for name, tally in self._tallies.items()},
            opening=None if self._opening is None else self._opening.state(),
            errors=tuple(_rows(tables)),
            warm_up=self.warm_up,
            remarks=tuple(remark for kept in self._remarks.values() for remark in kept),
        )


def _coarse(microseconds: int) -> int:
    shift = microseconds.bit_length() - _LEADING_BITS
    return microseconds >> shift << shift if shift > 0 else microseconds


def _summed(seconds: Iterable[SecondState]) -> str:
    """Return the latencies of several seconds as one encoded histogram."""
    values: dict[int, int] = {}
    for second in seconds:
        for value, times in second.latencies.items():
            values[value] = values.get(value, 0) + times
    return encoded_histogram(values)


def _rows(tables: Iterable[tuple[str, ErrorTable]]) -> Iterable[ErrorRow]:
    for operation, table in tables:
        for (error_class, code), kind in table.kinds.items():
            yield ErrorRow(operation, error_class, code, kind.count, kind.example)
