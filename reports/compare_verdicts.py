"""The judgements of two runs held against each other: what fails now, what no longer does, what one alone has."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from reports.comparison import VerdictChange, VerdictKind
from reports.digest import Place, describe_places, place_of
from reports.rows import Finding, Judgement, Outcome

__all__ = ["compare_verdicts"]

_WORST: tuple[Outcome, ...] = ("failed", "broken", "blocked", "passed", "inapplicable")
_ORDER: tuple[VerdictKind, ...] = ("newly failing", "newly blocked", "fixed", "only in B", "only in A")


class _Key(NamedTuple):
    """What is judged, and where."""

    check: str
    property: str
    place: Place


class _Change(NamedTuple):
    """A change without its place: what happened at several places is told once."""

    kind: VerdictKind
    check: str
    before: Outcome | None
    after: Outcome | None
    worse: bool


def compare_verdicts(
    before: Iterable[Judgement], after: Iterable[Judgement], counts: Callable[[Judgement], bool]
) -> tuple[int, list[VerdictChange]]:
    """Return how much both runs judged, and what differs; `counts` says which failures make a run worse.

    Where (a revision, over a transport) only one of them tested, nothing is compared. A check that only one has is
    told, and makes nothing worse: it may be newer than the other run, or have been left out of it.
    """
    ours, theirs = _worst(before), _worst(after)
    places = {key.place for key in ours} & {key.place for key in theirs}
    changes: dict[_Change, list[tuple[Place, Judgement]]] = {}
    for key in dict.fromkeys([*ours, *theirs]):
        left, right = ours.get(key), theirs.get(key)
        if key.place in places and (change := _change(left, right, counts)) is not None:
            shown = right or left
            assert shown is not None
            changes.setdefault(change, []).append((key.place, shown))
    told = [_told(change, found) for change, found in changes.items()]
    return len(ours.keys() & theirs.keys()), sorted(told, key=lambda each: (_ORDER.index(each.kind), each.check))


def _worst(judgements: Iterable[Judgement]) -> dict[_Key, Judgement]:
    """Return what was judged, each once, by the worst that was found of it."""
    found: dict[_Key, Judgement] = {}
    for each in judgements:
        key = _Key(each.check, each.property if isinstance(each, Finding) else "", place_of(each))
        if key not in found or _WORST.index(each.outcome) < _WORST.index(found[key].outcome):
            found[key] = each
    return found


def _change(left: Judgement | None, right: Judgement | None, counts: Callable[[Judgement], bool]) -> _Change | None:
    if left is None or right is None:
        one = left or right
        assert one is not None
        # What could not be judged at all is no news of a target.
        if one.outcome not in ("failed", "passed"):
            return None
        kind: VerdictKind = "only in B" if left is None else "only in A"
        before, after = (None, one.outcome) if left is None else (one.outcome, None)
        return _Change(kind, one.check, before, after, worse=False)
    pair = (left.outcome, right.outcome)
    if right.outcome == "failed" and left.outcome != "failed":
        return _Change("newly failing", right.check, *pair, worse=counts(right))
    if left.outcome == "failed" and right.outcome in ("passed", "inapplicable"):
        return _Change("fixed", right.check, *pair, worse=False)
    if right.outcome in ("blocked", "broken") and left.outcome in ("passed", "failed"):
        return _Change("newly blocked", right.check, *pair, worse=False)
    return None


def _told(change: _Change, found: list[tuple[Place, Judgement]]) -> VerdictChange:
    first = found[0][1]
    return VerdictChange(
        kind=change.kind,
        check=change.check,
        title=first.title,
        level=first.level,
        places=tuple(describe_places(sorted({place for place, _ in found})).split("; ")),
        before=change.before,
        after=change.after,
        summary=first.cause or first.summary,
        worse=change.worse,
    )
