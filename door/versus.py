"""`load --versus`: two targets, or one at two revisions, under load in turns, and what differs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from conformance.scout import Scouted, chosen
from conformance.target import Target
from door.catalogue import need_revisions
from door.config import Settings, read_settings
from door.errors import Exit, Refusal
from door.load_settings import LoadSettings
from door.loading import plan_of
from door.looking import look
from door.options import LoadOptions
from door.progress import Live
from door.scaling import WHOSE
from door.session import Session, describe
from door.settings_file import File
from door.versus_options import VersusOptions
from loadtest.run import LoadError, LoadOutcome, Progress
from loadtest.versus import LEAST_SECONDS, Side, interleave, side_rows, turns
from loadtest.workload import LoadPlan
from reference_impl.protocol.revisions import Revision
from reports.compare import compare_sides
from reports.comparison import Comparison
from reports.records import Load

__all__ = ["Contender", "contenders", "measure_both", "prepared", "rival_of"]

_SECONDS = 20.0
"""How long each side is loaded where nobody says."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One side: a target that was looked at, the revision it is spoken to at, and what to call the side."""

    target: Target
    scouted: Scouted
    revision: Revision
    label: str = ""


def rival_of(options: VersusOptions) -> Settings | None:
    """Return the settings of the target of `--versus`, if there is one. Raises `Refusal`."""
    need_revisions([options.versus_revision] if options.versus_revision else ())
    if options.versus is None:
        if options.versus_header:
            raise Refusal("--versus-header goes with --versus")
        return None
    return read_settings([options.versus], file=File(), headers=options.versus_header or [])


def prepared(settings: LoadSettings, load: LoadOptions, rival: Settings | None) -> LoadSettings:
    """Return the settings for turns. Raises `Refusal` for what does not go with them."""
    if load.shape is not None or settings.arrival.search:
        raise Refusal("--shape and --find-capacity are for one target: compare two records of them")
    scale = settings.scale
    if rival is not None:
        if scale.options.target_pid is not None or scale.options.target_metrics is not None:
            raise Refusal("--target-pid and --target-metrics tell of one target; --versus has two")
        assert rival.target is not None
        scale.permit(rival.target)
    seconds = _SECONDS if load.duration is None else load.duration
    if seconds < LEAST_SECONDS:
        raise Refusal(f"--duration is at least {LEAST_SECONDS:.0f} seconds, for each of two")
    return replace(settings, arrival=replace(settings.arrival, duration=seconds))


def contenders(
    session: Session, live: Live, target: Target, settings: LoadSettings, options: VersusOptions, rival: Settings | None
) -> tuple[Contender, Contender]:
    """Look at both sides. Raises `Refusal` for one that is out of reach, or lacks what was asked for."""
    plan = settings.checks
    if settings.scenario.eras:
        scouted = look(session, live, target, replace(plan, revisions=()))
        return _eras(target, scouted)
    theirs = (options.versus_revision,) if options.versus_revision else plan.revisions
    other = target if rival is None or rival.target is None else rival.target
    # The records' header tells of A, which is looked at last.
    second = _contender(other, look(session, live, other, replace(plan, revisions=theirs)), theirs)
    first = _contender(target, look(session, live, target, plan), plan.revisions)
    return _labelled(first, second)


def _contender(target: Target, scouted: Scouted, revisions: tuple[str, ...]) -> Contender:
    return Contender(target, scouted, chosen(scouted.eras, revisions)[-1])


def _eras(target: Target, scouted: Scouted) -> tuple[Contender, Contender]:
    """Return sessions as A and stateless requests as B."""
    spoken = chosen(scouted.eras, ())
    sessions, stateless = ([each for each in spoken if each.modern is modern] for modern in (False, True))
    if not (sessions and stateless):
        names = ", ".join(revision.name for revision in spoken)
        raise Refusal(f"stateless: it takes a target of both eras; this one speaks {names}", Exit.UNREACHABLE)
    return _labelled(Contender(target, scouted, sessions[-1]), Contender(target, scouted, stateless[-1]))


def _labelled(first: Contender, second: Contender) -> tuple[Contender, Contender]:
    """Give both the name of what tells them apart."""
    names = [describe(each.target, each.scouted.eras.implementation).name for each in (first, second)]
    if first.target == second.target:
        names = [first.revision.name, second.revision.name]
        if names[0] == names[1]:
            raise Refusal(f"both sides are the same target at {names[0]}: --revision and --versus-revision differ")
    elif first.revision != second.revision:
        names = [f"{name}, {each.revision.name}" for name, each in zip(names, (first, second), strict=True)]
    return replace(first, label=names[0]), replace(second, label=names[1])


def measure_both(
    session: Session, live: Live, pair: tuple[Contender, Contender], settings: LoadSettings
) -> Comparison | None:
    """Load both in turns, record both, and return what differs; None where it was cut short. Raises `Refusal`."""
    sides: dict[Side, Contender] = {"A": pair[0], "B": pair[1]}
    plans = {side: _plan(each, settings, served=side == "A") for side, each in sides.items()}
    order, seconds = turns(plans["A"].duration)
    stage = live.stage(f"load in turns: {pair[0].label} and {pair[1].label}", int(seconds * len(order)))
    begun = 0

    def run_turn(side: Side, plan: LoadPlan) -> LoadOutcome:
        nonlocal begun
        before, begun = begun * seconds, begun + 1

        def progress(now: Progress) -> None:
            stage.step(f"{side}: {now.phase} {now.rate:,.0f}/s", to=before + now.elapsed)

        return run(plan, progress)

    with settings.scale.runner(live) as run:
        try:
            outcomes, interrupted = interleave(plans, run_turn)
        except LoadError as error:
            raise Refusal(str(error), WHOSE[error.whose]) from None
    rows = [row for side, each in sides.items() if outcomes[side] for row in _rows(side, each, plans, outcomes, pair)]
    for row in rows:
        session.record(row)
    if interrupted:
        raise KeyboardInterrupt
    return compare_sides(rows)


def _plan(contender: Contender, settings: LoadSettings, *, served: bool) -> LoadPlan:
    own = settings if served else replace(settings, serving=None)
    return plan_of(contender.target, contender.scouted, contender.revision, own)


def _rows(
    side: Side,
    contender: Contender,
    plans: dict[Side, LoadPlan],
    outcomes: dict[Side, list[LoadOutcome]],
    pair: tuple[Contender, Contender],
) -> list[Load]:
    address = "" if contender.target == pair[0].target else describe(contender.target).address
    rows = side_rows(side, contender.label, plans[side], outcomes[side])
    return [msgspec.structs.replace(row, address=address) for row in rows]
