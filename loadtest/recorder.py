"""Samples in, distributions out: the only place where a load run is counted.

Latencies become HdrHistograms of whole microseconds (three significant digits, one hour at most), which merge without
loss; a run on several workers is the sum of their recorders. The hot path only counts equal values, since a histogram
takes six times as long to record into; `state` folds the counts in.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from loadtest.sample import Failure, Sample
from loadtest.workload import Operation
from reference_impl.metrics import ErrorClass, ErrorTable, OperationMetrics, ServerMetrics
from reports.histogram import encode
from reports.records import WireEntry

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

__all__ = [
    "FIRST_BYTE",
    "FIRST_PROGRESS",
    "OPENING",
    "ErrorRow",
    "OperationState",
    "PhaseState",
    "Recorder",
    "RecorderState",
    "Remark",
    "SecondState",
    "absorb",
    "encoded_histogram",
    "histogram",
    "merged",
    "metrics_of",
]

_HIGHEST = 3600 * 1_000_000
_DIGITS = 3
_MICROSECONDS = 1_000_000
_PENDING_LIMIT = 50_000
_LEADING_BITS = 11
"""As many as tell the buckets of a histogram of three digits apart: rounding to them loses nothing that it keeps."""
_REMARKS = 1000
_SILENCE = (ErrorClass.TRANSPORT, ErrorClass.HTTP_STATUS, ErrorClass.TIMEOUT)

OPENING = "(opening)"
"""The name under which connecting and the handshake are counted, apart from the operations of the workload."""
FIRST_BYTE, FIRST_PROGRESS = "first byte", "first progress"
"""The names of the phases of an operation."""


class SecondState(Struct, kw_only=True):
    """One second: what ended in it, and its corrected latencies as microseconds to counts, within 0.1 %."""

    completed: int = 0
    failed: int = 0
    latencies: dict[int, int] = {}


class PhaseState(Struct, kw_only=True):
    """A part of the way to an answer, from sending on: a histogram (HdrHistogram V2, base64) and its sum in seconds."""

    histogram: str = ""
    seconds: float = 0.0


class OperationState(Struct, kw_only=True):
    """The sum of an operation: counts, its two histograms (HdrHistogram V2, base64), and their totals in seconds.

    `seconds` has what ended in each second of the measurement, `phases` the time from sending to the first byte and to
    the first progress, of good answers that had one.
    """

    total: int = 0
    failed: int = 0
    corrected: str = ""
    uncorrected: str = ""
    uncorrected_seconds: float = 0.0
    corrected_seconds: float = 0.0
    seconds: dict[int, SecondState] = {}
    phases: dict[str, PhaseState] = {}


class ErrorRow(Struct, frozen=True):
    """How often an operation failed in one way, and what was said the first time."""

    operation: str
    error_class: str
    code: str
    count: int
    example: str


class Remark(Struct, frozen=True, kw_only=True):
    """What a turn noticed beside latency, for its scenario to judge in the end: `numbers` and texts of its own making.

    `kind` tells the remarks of a scenario apart, `at` is in seconds of the measurement, `evidence` a slice of the wire.
    """

    kind: str
    at: float = 0.0
    numbers: dict[str, float] = {}
    text: str = ""
    evidence: tuple[WireEntry, ...] = ()


class RecorderState(Struct, kw_only=True):
    """Everything recorded, as plain values that cross processes and machines."""

    operations: dict[str, OperationState] = {}
    opening: OperationState | None = None
    errors: tuple[ErrorRow, ...] = ()
    warm_up: int = 0
    remarks: tuple[Remark, ...] = ()

    @property
    def seconds(self) -> dict[int, SecondState]:
        """The seconds of all operations together."""
        together: dict[int, SecondState] = {}
        for operation in self.operations.values():
            _add_seconds(together, operation.seconds)
        return together

    def second(self, index: int) -> SecondState:
        """Return one second of all operations together."""
        return _one_second((operation.seconds for operation in self.operations.values()), index)


def histogram(encoded: str = "") -> HdrHistogram:
    """Return an empty histogram of microseconds, or the encoded one."""
    from hdrh.histogram import HdrHistogram  # an extra: whoever only builds plans need not have it

    fresh = HdrHistogram(1, _HIGHEST, _DIGITS)
    if encoded:
        fresh.decode_and_add(encoded)
    return fresh


class _Latencies:
    """A histogram whose newest values are still counted one by one."""

    __slots__ = ("_folded", "pending", "seconds")

    def __init__(self) -> None:
        self._folded = histogram()
        self.pending: dict[int, int] = {}
        self.seconds = 0.0

    def record(self, seconds: float) -> None:
        microseconds = int(seconds * _MICROSECONDS)
        pending = self.pending
        pending[microseconds] = pending.get(microseconds, 0) + 1
        self.seconds += seconds
        if len(pending) >= _PENDING_LIMIT:
            self.fold()

    def fold(self) -> HdrHistogram:
        for value, times in self.pending.items():
            self._folded.record_value(min(value, _HIGHEST), times)
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
        coarse = _coarse(int(latency * _MICROSECONDS))
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
        self._tallies: dict[str, _Tally] = {}
        self._opening: _Tally | None = None
        self._remarks: dict[str, list[Remark]] = {}
        self._told = (0, 0)

    def record(self, sample: Sample) -> None:
        """Count one sample."""
        if sample.failure is None or sample.failure.error_class not in _SILENCE:
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = sample.done
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

    def second(self, index: int) -> SecondState:
        """Return what is known of a second, counted from the start of the measurement."""
        return _one_second((tally.seconds for tally in self._tallies.values()), index)

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


def encoded_histogram(values: Mapping[int, int]) -> str:
    """Return microseconds and their counts as a histogram like all others here."""
    return encode({min(max(value, 1), _HIGHEST): times for value, times in values.items()}, _HIGHEST)


def _rows(tables: Iterable[tuple[str, ErrorTable]]) -> Iterable[ErrorRow]:
    for operation, table in tables:
        for (error_class, code), kind in table.kinds.items():
            yield ErrorRow(operation, error_class, code, kind.count, kind.example)


def merged(states: Iterable[RecorderState]) -> RecorderState:
    """Add up what several workers recorded."""
    total = RecorderState(operations={})
    for state in states:
        absorb(total, state)
    return total


def absorb(total: RecorderState, state: RecorderState) -> None:
    """Add to `total`, in place, what somebody recorded: what it costs does not grow with what is there already."""
    for name, operation in state.operations.items():
        _add(total.operations.setdefault(name, _fresh()), operation)
    if state.opening is not None:
        total.opening = total.opening or _fresh()
        _add(total.opening, state.opening)
    total.errors = _sum_errors(total.errors + state.errors)
    total.warm_up += state.warm_up
    total.remarks += state.remarks


def merge_operations(operations: Iterable[OperationState]) -> OperationState:
    """Add up several operations."""
    total = _fresh()
    for operation in operations:
        _add(total, operation)
    return total


def percentile(second: SecondState, percent: float) -> float | None:
    """Return a percentile of a second's latencies in seconds, None if it has none."""
    rank = sum(second.latencies.values()) * percent / 100
    seen = 0
    for microseconds in sorted(second.latencies):
        seen += second.latencies[microseconds]
        if seen >= rank:
            return microseconds / _MICROSECONDS
    return None


def _fresh() -> OperationState:
    return OperationState(seconds={}, phases={})


def _add(into: OperationState, operation: OperationState) -> None:
    into.total += operation.total
    into.failed += operation.failed
    into.corrected = _sum_histograms(into.corrected, operation.corrected)
    into.uncorrected = _sum_histograms(into.uncorrected, operation.uncorrected)
    into.corrected_seconds += operation.corrected_seconds
    into.uncorrected_seconds += operation.uncorrected_seconds
    _add_seconds(into.seconds, operation.seconds)
    for name, phase in operation.phases.items():
        before = into.phases.setdefault(name, PhaseState())
        before.histogram = _sum_histograms(before.histogram, phase.histogram)
        before.seconds += phase.seconds


def _add_seconds(into: dict[int, SecondState], seconds: dict[int, SecondState]) -> None:
    for index, second in seconds.items():
        _add_second(into.setdefault(index, SecondState(latencies={})), second)


def _sum_histograms(left: str, right: str) -> str:
    if not (left and right):
        return left or right
    both = histogram(left)
    both.decode_and_add(right)
    encoded: bytes = both.encode()
    return encoded.decode()


def _one_second(many: Iterable[dict[int, SecondState]], index: int) -> SecondState:
    together = SecondState(latencies={})
    for seconds in many:
        if index in seconds:
            _add_second(together, seconds[index])
    return together


def _add_second(into: SecondState, second: SecondState) -> None:
    into.completed += second.completed
    into.failed += second.failed
    for value, times in second.latencies.items():
        into.latencies[value] = into.latencies.get(value, 0) + times


def _sum_errors(rows: Iterable[ErrorRow]) -> tuple[ErrorRow, ...]:
    kinds: dict[tuple[str, str, str], ErrorRow] = {}
    for row in rows:
        key = (row.operation, row.error_class, row.code)
        before = kinds.get(key)
        kinds[key] = row if before is None else ErrorRow(*key, before.count + row.count, before.example)
    return tuple(kinds.values())


def metrics_of(state: RecorderState, operations: Iterable[Operation] = ()) -> ServerMetrics:
    """Return the run as the one metrics model sees it, latencies corrected.

    Calls of a tool are counted under its name and reads of a resource by its URI, where `operations` tell what was
    asked; all other operations under their own names, as calls.
    """
    metrics = ServerMetrics()
    known = {operation.name: operation for operation in operations}
    for name, operation in state.operations.items():
        asked = known.get(name)
        table, key = metrics.tool_calls, name
        if asked is not None and asked.method == "tools/call":
            key = str(asked.params.get("name", name))
        elif asked is not None and asked.method == "resources/read":
            table, key = metrics.resource_accesses, str(asked.params.get("uri", name))
        table.setdefault(key, OperationMetrics()).merge(_metrics(operation))
    for row in state.errors:
        metrics.errors.record(row.error_class, row.code, row.example, times=row.count)
    return metrics


def _metrics(operation: OperationState) -> OperationMetrics:
    metrics = OperationMetrics(
        total_calls=operation.total,
        successful_calls=operation.total - operation.failed,
        total_duration=operation.corrected_seconds,
    )
    for item in histogram(operation.corrected).get_recorded_iterator():
        metrics.latency.record(item.value_iterated_to / _MICROSECONDS, item.count_at_value_iterated_to)
    return metrics
