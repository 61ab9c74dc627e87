"""Two runs held against each other: verdicts, what is advertised, and load.

Nothing here needs the two to be alike. What stands between them (versions, rules, revisions, machines) is told
in notes, and keeps from comparison what would be wrong to compare.
"""

from collections.abc import Iterable, Iterator

from msgspec import structs

from reports.compare_load import MARGIN, compare_loads
from reports.compare_surface import compare_surfaces
from reports.compare_verdicts import compare_verdicts
from reports.comparison import Comparison, Side
from reports.digest import describe_places, place_of
from reports.rows import Load
from reports.severity import fails
from reports.store import FailOn, Run

__all__ = ["compare", "compare_sides"]


def compare(before: Run, after: Run, *, fail_on: FailOn = "must", seed: int = 0, margin: float = MARGIN) -> Comparison:
    """Return what got worse, better, or cannot be told from the first run (A) to the second (B).

    `fail_on` is the weakest level whose new failure makes B worse; `seed` draws for the intervals; `margin` is the part
    by which a figure of load has to differ at least.
    """
    both, verdicts = compare_verdicts(before.judgements, after.judgements, lambda judgement: fails(judgement, fail_on))
    surfaces, changes = compare_surfaces(before.surfaces, after.surfaces)
    return Comparison(
        before=_side(before),
        after=_side(after),
        notes=tuple(_notes(before, after)),
        verdicts=tuple(verdicts),
        judged_in_both=both,
        surface=tuple(changes),
        surfaces_in_both=surfaces,
        loads=tuple(
            compare_loads(before.loads, after.loads, apart=tuple(_apart(before, after)), seed=seed, margin=margin)
        ),
    )


def compare_sides(loads: Iterable[Load], seed: int = 0, margin: float = MARGIN) -> Comparison:
    """Return what differs between the two sides of one load that took turns."""
    rows = tuple(loads)
    ours, theirs = ([_bare(load) for load in rows if load.side == side] for side in ("A", "B"))
    names = [next((_label(load) for load in rows if load.side == side), "nothing") for side in ("A", "B")]
    return Comparison(
        before=Side(name=names[0]),
        after=Side(name=names[1]),
        loads=tuple(compare_loads(ours, theirs, seed=seed, margin=margin)),
    )


def _bare(load: Load) -> Load:
    return structs.replace(load, scenario=load.scenario.partition(f" ({load.side}: ")[0])


def _label(load: Load) -> str:
    return load.scenario.partition(f" ({load.side}: ")[2].removesuffix(")")


def _side(run: Run) -> Side:
    header = run.header
    return Side(
        name=header.target.name,
        address=header.target.address,
        transport=header.target.transport,
        implementation=header.target.implementation,
        touchstone=header.touchstone,
        rules=header.rules,
        revisions=header.revisions,
        started=header.started.isoformat(timespec="seconds"),
        complete=run.complete,
    )


def _notes(before: Run, after: Run) -> Iterator[str]:
    ours, theirs = before.header, after.header
    for side, run in (("A", before), ("B", after)):
        if not run.complete:
            yield f"{side} did not come to its end: what it does not hold may only not have been reached"
    if ours.touchstone != theirs.touchstone:
        yield f"judged by Touchstone {ours.touchstone} and {theirs.touchstone}: --rules pins what is judged"
    if ours.rules != theirs.rules:
        yield f"judged by {_rules(ours.rules)} and {_rules(theirs.rules)}"
    for side, run, other in (("A", before, after), ("B", after, before)):
        if alone := _tested(run) - _tested(other):
            yield f"tested in {side} alone, and not compared: {', '.join(sorted(alone))}"
    if ours.seed != theirs.seed and (before.findings or after.findings):
        yield f"the input was drawn by seeds {ours.seed} and {theirs.seed}: what one found the other may have missed"


def _rules(name: str | None) -> str:
    return "all rules" if name is None else f"the rules of {name}"


def _tested(run: Run) -> set[str]:
    return {describe_places([place_of(judgement)]) for judgement in run.judgements}


def _apart(before: Run, after: Run) -> Iterator[str]:
    """Yield why no load of one run may be held against one of the other."""
    ours, theirs = before.header, after.header
    for name in ours.environment.keys() & theirs.environment.keys():
        if ours.environment[name] != theirs.environment[name]:
            yield f"the environments differ: {name} {ours.environment[name]} and {theirs.environment[name]}"
    if ours.target.transport != theirs.target.transport:
        yield f"the transports differ: {ours.target.transport} and {theirs.target.transport}"
    if not all(load.revision for load in (*before.loads, *after.loads)) and ours.revisions != theirs.revisions:
        yield f"the revisions differ: {', '.join(ours.revisions)} and {', '.join(theirs.revisions)}"
