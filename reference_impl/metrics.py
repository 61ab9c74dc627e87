"""The one metrics model: what servers, clients and load runs record, and what exporters read.

The shape of `ServerMetrics` is the architecture sketch's ("Metrics Collection"); its unbounded error list and its
average without a distribution are not. Clocks are injected, so that everything here is a pure function of its input.
Meant for one event loop: every method runs to its end without giving way.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = [
    "OVERFLOW",
    "ErrorClass",
    "ErrorCount",
    "ErrorTable",
    "LatencyHistogram",
    "OperationMetrics",
    "ServerMetrics",
]

_SUB_BITS = 7
_SUB_COUNT = 1 << _SUB_BITS
_NANOSECONDS = 1_000_000_000
_ENDLESS = math.inf

OVERFLOW = "(other)"
"""Where names and codes beyond the bound are counted: a peer that invents names cannot fill the memory."""


class ErrorClass(StrEnum):
    """Where an operation failed, from the wire upwards."""

    TRANSPORT = "transport"
    HTTP_STATUS = "http-status"
    JSON_RPC = "json-rpc"
    IS_ERROR = "is-error"
    TIMEOUT = "timeout"


class LatencyHistogram:
    """Durations in seconds, kept in log-linear buckets of constant relative width.

    Each power of two of nanoseconds is cut into 128 equal buckets and a value is reported as the middle of its bucket,
    which is at most 0.4 % away from it. Only buckets that were hit take memory. Histograms add up (`merge`), so
    that workers can record apart and be read together.
    """

    __slots__ = ("_counts", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.minimum = math.inf
        self.maximum = 0.0

    def record(self, seconds: float, times: int = 1) -> None:
        """Add a duration. Raises ValueError if it is negative or no finite number."""
        if not 0.0 <= seconds < _ENDLESS:
            raise ValueError(f"a duration is a finite number of seconds, not {seconds!r}")
        # A bucket's index is the exponent of its values and their seven leading bits after the first.
        index = int(seconds * _NANOSECONDS)
        shift = index.bit_length() - _SUB_BITS - 1
        if shift > 0:
            index = (shift << _SUB_BITS) + (index >> shift)
        self._counts[index] = self._counts.get(index, 0) + times
        self.count += times
        self.total += seconds * times
        # Comparisons, not min() and max(): this runs for every call of a server, and they take half the time.
        if seconds < self.minimum:  # noqa: PLR1730 - see above
            self.minimum = seconds
        if seconds > self.maximum:  # noqa: PLR1730 - see above
            self.maximum = seconds

    def percentile(self, percent: float) -> float:
        """Return the duration that `percent` (0 to 100) of the records do not exceed; 0.0 if there are none."""
        if not 0.0 <= percent <= 100.0:
            raise ValueError(f"a percentile lies between 0 and 100, not at {percent!r}")
        rank = max(1, math.ceil(self.count * percent / 100.0))
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= rank:
                return min(max(_middle(index), self.minimum), self.maximum)
        return 0.0

    @property
    def mean(self) -> float:
        """The average in seconds; 0.0 if there are no records."""
        return self.total / self.count if self.count else 0.0

    def buckets(self) -> Iterator[tuple[float, int]]:
        """Yield the upper bound in seconds and the count of each bucket that was hit, ascending (for exporters)."""
        for index in sorted(self._counts):
            yield _upper(index) / _NANOSECONDS, self._counts[index]

    def merge(self, other: LatencyHistogram) -> None:
        """Add the records of `other` to this histogram."""
        for index, times in other._counts.items():
            self._counts[index] = self._counts.get(index, 0) + times
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)


def _lower(index: int) -> int:
    shift = max(0, (index >> _SUB_BITS) - 1)
    return (index - (shift << _SUB_BITS)) << shift


def _upper(index: int) -> int:
    return _lower(index + 1)


def _middle(index: int) -> float:
    # Values are whole nanoseconds, cut off: a bucket that is one wide holds [n, n + 1).
    return (_lower(index) + _upper(index)) / 2 / _NANOSECONDS


@dataclass(slots=True)
class OperationMetrics:
    """What is known of one tool or one resource pattern. Durations are seconds, `last_called` is a Unix time."""

    total_calls: int = 0
    successful_calls: int = 0
    total_duration: float = 0.0
    last_called: float | None = None
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)

    @property
    def average_duration(self) -> float:
        """Mean seconds a call; 0.0 before the first."""
        return self.total_duration / self.total_calls if self.total_calls else 0.0

    def record(self, duration: float, success: bool, at: float) -> None:
        """Count one call that took `duration` seconds and ended at Unix time `at`."""
        self.latency.record(duration)
        self.total_calls += 1
        self.successful_calls += success
        self.total_duration += duration
        self.last_called = at

    def merge(self, other: OperationMetrics) -> None:
        """Add what `other` recorded."""
        self.latency.merge(other.latency)
        self.total_calls += other.total_calls
        self.successful_calls += other.successful_calls
        self.total_duration += other.total_duration
        self.last_called = max((at for at in (self.last_called, other.last_called) if at is not None), default=None)

    def summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "total_calls": self.total_calls,
            "successful_calls": self.successful_calls,
            "total_duration": self.total_duration,
            "average_duration": self.average_duration,
            "last_called": self.last_called,
            "latency": {
                "p50": self.latency.percentile(50),
                "p90": self.latency.percentile(90),
                "p99": self.latency.percentile(99),
                "max": self.latency.maximum,
            },
        }


@dataclass(slots=True)
class ErrorCount:
    """One kind of error: how often, when last (Unix time), and what it said the first time."""

    count: int = 0
    last_seen: float | None = None
    example: str = ""


class ErrorTable:
    """Errors counted by class and code. At most `limit` kinds are told apart, and one short example of each is kept."""

    __slots__ = ("_limit", "kinds", "total")

    _EXAMPLE_LENGTH = 200

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self.kinds: dict[tuple[str, str], ErrorCount] = {}
        self.total = 0

    def record(
        self, error_class: str, code: str = "", message: str = "", at: float | None = None, times: int = 1
    ) -> None:
        """Count an error of a class (`ErrorClass`, or the reader's own) with its code, such as a status or -32602."""
        key = (error_class, code)
        if key not in self.kinds and len(self.kinds) >= self._limit:
            key = (OVERFLOW, "")
        kind = self.kinds.setdefault(key, ErrorCount(example=message[: self._EXAMPLE_LENGTH]))
        kind.count += times
        kind.last_seen = at if kind.last_seen is None or at is None else max(kind.last_seen, at)
        self.total += times

    def merge(self, other: ErrorTable) -> None:
        """Add what `other` counted, within this table's own bound."""
        for (error_class, code), kind in other.kinds.items():
            self.record(error_class, code, kind.example, kind.last_seen, kind.count)

    def by_class(self) -> dict[str, int]:
        """Return the count of each class."""
        counts: dict[str, int] = {}
        for (error_class, _), kind in self.kinds.items():
            counts[error_class] = counts.get(error_class, 0) + kind.count
        return counts


class ServerMetrics:
    """Calls, accesses and errors of one server, client or load run.

    `wall_clock` gives Unix seconds (for `last_called`), `clock` monotonic seconds (for uptime). At most `limit` tools
    and `limit` resource patterns are told apart; what comes later is counted under `OVERFLOW`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        limit: int = 1024,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._limit = limit
        self.start_time = clock()
        self.tool_calls: dict[str, OperationMetrics] = {}
        self.resource_accesses: dict[str, OperationMetrics] = {}
        self.errors = ErrorTable()

    def record_tool_call(self, tool_name: str, duration: float, success: bool) -> None:
        """Count a tool call that took `duration` seconds. Raises ValueError if that is no duration."""
        entry = self.tool_calls.get(tool_name) or self._entry(self.tool_calls, tool_name)
        entry.record(duration, success, self._wall_clock())

    def record_resource_access(self, uri_pattern: str, duration: float = 0.0, success: bool = True) -> None:
        """Count a read of a resource, named by its template or pattern rather than by each URI."""
        self._entry(self.resource_accesses, uri_pattern).record(duration, success, self._wall_clock())

    def record_error(self, error_class: str, code: str | int = "", message: str = "") -> None:
        """Count an error by its class (`ErrorClass`, an exception's name) and code; memory stays bounded."""
        self.errors.record(error_class, str(code), message, self._wall_clock())

    def _entry(self, table: dict[str, OperationMetrics], name: str) -> OperationMetrics:
        entry = table.get(name)
        if entry is None:
            key = name if len(table) < self._limit else OVERFLOW
            entry = table.setdefault(key, OperationMetrics())
        return entry

    @property
    def uptime(self) -> float:
        """Seconds since construction."""
        return self._clock() - self.start_time

    @property
    def error_rate(self) -> float:
        """The share of operations that failed, 0.0 to 1.0.

        A failure may be told by its operation (`success=False`), by `record_error`, or by both; neither count can be
        more than the truth, so the larger one stands.
        """
        operations = [*self.tool_calls.values(), *self.resource_accesses.values()]
        total = sum(each.total_calls for each in operations)
        failed = total - sum(each.successful_calls for each in operations)
        return min(1.0, max(failed, self.errors.total) / max(1, total))

    def merge(self, other: ServerMetrics) -> None:
        """Add what `other` recorded, within this one's own bounds; uptime stays this one's."""
        for mine, theirs in (
            (self.tool_calls, other.tool_calls),
            (self.resource_accesses, other.resource_accesses),
        ):
            for name, operation in theirs.items():
                self._entry(mine, name).merge(operation)
        self.errors.merge(other.errors)

    def get_performance_summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON: operations with latencies in seconds, errors, error rate, uptime."""
        return {
            "tool_performance": {name: each.summary() for name, each in self.tool_calls.items()},
            "resource_performance": {name: each.summary() for name, each in self.resource_accesses.items()},
            "errors": self.errors.by_class(),
            "error_rate": self.error_rate,
            "uptime": self.uptime,
        }
