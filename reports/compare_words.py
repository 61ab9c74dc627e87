"""What a comparison comes to in words: the verdict on B in a line, and each figure of load as people read it."""

from collections import Counter
from collections.abc import Iterator

from reports.bootstrap import CONFIDENCE
from reports.comparison import Comparison, Measure, Side
from reports.digest import count_of
from reports.units import figures, milliseconds, share

__all__ = ["FIGURES", "conclusion", "figures_of", "side_in_words"]

FIGURES = ("figure", "A", "B", "change", f"{CONFIDENCE:.0%} interval".replace("%", " %"), "B is")
"""The columns of `figures_of`."""


def conclusion(found: Comparison) -> str:
    """Return what the comparison comes to."""
    if found.worse:
        return f"B is worse: {', '.join(_worse(found))}"
    if not found.conclusive:
        return "Nothing could be compared"
    better = [*_better(found)]
    return f"B is better: {', '.join(better)}" if better else "B is not worse, as far as can be told"


def _worse(found: Comparison) -> Iterator[str]:
    failing = sum(each.worse for each in found.verdicts)
    if failing:
        yield count_of(failing, "newly failing check", "newly failing checks")
    breaking = sum(each.breaking for each in found.surface)
    if breaking:
        yield count_of(breaking, "breaking change", "breaking changes")
    yield from _told(found, "worse")
    missed = sum(each.before and not each.after for load in found.loads for each in load.objectives)
    if missed:
        yield count_of(missed, "newly missed objective", "newly missed objectives")


def _better(found: Comparison) -> Iterator[str]:
    fixed = sum(each.kind == "fixed" for each in found.verdicts)
    if fixed:
        yield count_of(fixed, "check fixed", "checks fixed")
    yield from _told(found, "better")


def _told(found: Comparison, verdict: str) -> Iterator[str]:
    names = Counter(each.name for load in found.loads for each in load.measures if each.verdict == verdict)
    for name, count in names.items():
        yield f"{name} {verdict}" + (f" in {count} operations" if count > 1 else "")


def side_in_words(side: Side) -> str:
    """Return what one run was of, when, and by whom it was judged."""
    if not side.started:
        return side.name
    named = side.name if side.name == side.address else f"{side.name} ({side.address})"
    rules = f", rules {side.rules}" if side.rules else ""
    return f"{named}, {side.started.removesuffix('+00:00').replace('T', ' ')}, Touchstone {side.touchstone}{rules}"


def figures_of(measure: Measure) -> tuple[str, ...]:
    """Return a figure as the cells of a row: its name, both values, the change, its interval, the verdict."""
    if measure.change is None or measure.low is None or measure.high is None:
        return (measure.name, "-", "-", "-", "-", f"{measure.verdict}: {measure.reason}")
    return (
        measure.name,
        _value(measure.before, measure.unit),
        _value(measure.after, measure.unit),
        _change(measure.change, measure.unit),
        f"{_change(measure.low, measure.unit)} to {_change(measure.high, measure.unit)}",
        measure.verdict,
    )


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "share":
        return share(value)
    return milliseconds(value) if unit == "ms" else f"{figures(value)}{unit}"


def _change(change: float, unit: str) -> str:
    points = " pt" if unit == "share" else " %"
    size = abs(100 * change)
    return f"{'+' if change >= 0 else '-'}{size:.{2 if size < 1 else 1 if size < 10 else 0}f}{points}"
