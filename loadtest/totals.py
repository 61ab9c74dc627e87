"""What was recorded, as plain values that cross processes and machines, and how what several recorded adds up.

Latencies are HdrHistograms of whole microseconds (three significant digits, one hour at most), which merge without
loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from reports.histogram import encode
from reports.records import WireEntry

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

__all__ = [
    "FIRST_BYTE",
    "FIRST_PROGRESS",
    "HIGHEST",
    "MICROSECONDS",
    "OPENING",
    "ErrorRow",
    "OperationState",
    "PhaseState",
    "RecorderState",
    "Remark",
    "SecondState",
    "absorb",
    "encoded_histogram",
    "histogram",
    "merge_operations",
    "merged",
    "one_second",
    "percentile",
]

MICROSECONDS = 1_000_000
"""As many as a second has: the unit of all histograms."""
HIGHEST = 3600 * MICROSECONDS
_DIGITS = 3

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
        return one_second((operation.seconds for operation in self.operations.values()), index)


def histogram(encoded: str = "") -> HdrHistogram:
    """Return an empty histogram of microseconds, or the encoded one."""
    from hdrh.histogram import HdrHistogram  # an extra: whoever only builds plans need not have it

    fresh = HdrHistogram(1, HIGHEST, _DIGITS)
    if encoded:
        fresh.decode_and_add(encoded)
    return fresh


def encoded_histogram(values: Mapping[int, int]) -> str:
    """Return microseconds and their counts as a histogram like all others here."""
    return encode({min(max(value, 1), HIGHEST): times for value, times in values.items()}, HIGHEST)


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
            return microseconds / MICROSECONDS
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


def one_second(many: Iterable[dict[int, SecondState]], index: int) -> SecondState:
    """Return one second of several operations together."""
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
