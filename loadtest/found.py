"""What a run found, as its scenario judges it in the end. Values only; made where the run is concluded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from loadtest.leaks import Point
from loadtest.totals import ErrorRow, Remark, SecondState
from reports.records import Counts, TargetCost

__all__ = ["Found", "holds_of"]


class Found(Struct, frozen=True, kw_only=True):
    """The `parameters` of the workload, what its turns remarked, what was counted, and what the target cost.

    `counts` are those of each operation, `worked` the operations that ended in each second; `cost` is None where the
    target cannot be seen. `lag` is how late the generator's own timers were (p99, seconds).
    """

    parameters: dict[str, Any]
    remarks: tuple[Remark, ...] = ()
    counts: dict[str, Counts] = {}
    errors: tuple[ErrorRow, ...] = ()
    worked: dict[int, SecondState] = {}
    seconds: float = 0.0
    cost: TargetCost | None = None
    lag: float = 0.0

    def of_kind(self, kind: str) -> list[Remark]:
        """Return the remarks of a kind, in the order in which they were made."""
        return sorted((remark for remark in self.remarks if remark.kind == kind), key=lambda remark: remark.at)

    def failed(self, *codes: str) -> int:
        """Return how often operations failed with one of these codes."""
        return sum(row.count for row in self.errors if row.code in codes)

    def points(self, values: Iterable[tuple[float, float | None]]) -> list[Point]:
        """Return what was seen at moments (seconds of the run, a value) together with the work done until then."""
        before, totals = 0.0, [0.0]
        for second in range(int(self.seconds) + 1):
            before += self.worked[second].completed if second in self.worked else 0
            totals.append(before)
        return [Point(at, _between(totals, at), value) for at, value in values if value is not None]


def _between(totals: list[float], at: float) -> float:
    """Return how much was done by a moment, as if the work of a second were spread over it."""
    second = min(max(int(at), 0), len(totals) - 2)
    share = min(max(at - second, 0.0), 1.0)
    return totals[second] + share * (totals[second + 1] - totals[second])


def holds_of(wrong: int, looked_at: int) -> bool | None:
    """Return whether something holds that was looked at so often: nobody can tell if it was never."""
    if wrong:
        return False
    return True if looked_at else None
