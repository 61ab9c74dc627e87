"""A run on a client: the plain scenario at every revision tells which of them it speaks; then all the others do.

Scenarios run side by side, each with a process of the client's own. When all have been played, every judge looks at
what was said at each revision, and gives one verdict on it.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import anyio

from conformance.attempt import run_monitor
from conformance.catalogue import Requirement, load
from conformance.clients.declare import ClientJudge, Twins, all_judges
from conformance.clients.said import offered_version, went_on
from conformance.clients.scenario import PLAIN, Scenario, bound
from conformance.clients.strands import strands
from conformance.clients.subject import Subject
from conformance.clients.visit import Visit, receive
from conformance.expect import Inapplicable
from conformance.patience import Patience
from conformance.readers import beside_readers
from conformance.verdicts import Judged
from reference_impl.protocol.revisions import REVISIONS, Revision

__all__ = ["ClientPlan", "NeverCame", "binding", "run_client"]

_TOGETHER = 3
"""Clients that run at the same time."""
_LATE = "the deadline of the run was reached (--deadline)"


class NeverCame(Exception):  # noqa: N818 - the name says what happened
    """The client never connected, or spoke nothing that can be judged; one line says which."""


def _ignore(*_: object) -> None:
    """Take an event that nobody asked for."""


Emit = Callable[[ClientJudge, Revision, list[Requirement], Judged], None]
"""Takes a judge, the revision, the requirements that bind clients in it, and what became of it."""


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """What to run.

    `subject` runs the client once; `transport` is "http", "stdio", "sse" or "ws"; `emit` takes each judgement, `spoken`
    the revisions that the client speaks, and `visited` each visit. `only` holds patterns of ids, `scenarios` of names
    of scenarios, `revisions` names.
    """

    subject: Subject
    transport: str
    emit: Emit
    spoken: Callable[[list[Revision]], None] = _ignore
    visited: Callable[[Visit], None] = _ignore
    only: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)

    def plays(self, scenario: str) -> bool:
        """Whether a scenario is among those asked for; the plain one always is."""
        return not self.scenarios or scenario == PLAIN or _matches(scenario, self.scenarios)

    def wants(self, identifier: str) -> bool:
        """Whether a judge is among those asked for."""
        return not self.only or _matches(identifier, self.only)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


async def run_client(plan: ClientPlan) -> list[Visit]:
    """Judge a client. Raises `NotStarted`, or `NeverCame` if it said nothing that can be judged."""
    return await beside_readers(lambda _: _run(plan))


async def _run(plan: ClientPlan) -> list[Visit]:
    revisions = [
        revision
        for revision in REVISIONS
        if _spoken_over(plan.transport, revision) and (not plan.revisions or revision.name in plan.revisions)
    ]
    visits: list[Visit] = []
    await _play(plan, [(bound(revision, plan.transport)[0], revision) for revision in revisions], visits)
    spoken = [
        revision for revision in revisions if any(_speaks(visit) for visit in visits if visit.revision is revision)
    ]
    if not spoken:
        raise NeverCame(_why(visits))
    plan.spoken(spoken)
    bills = [_bill(plan, revision) for revision in spoken]
    try:
        for late in (False, True):  # what shows whether others are pointless comes before them
            scenes = [(scenario, bill.revision) for bill in bills for scenario in _due(bill, visits, late=late)]
            await _play(plan, scenes, visits)
    except anyio.get_cancelled_exc_class():
        _judge(plan, bills, visits, "the run was interrupted")
        raise
    _judge(plan, bills, visits, _LATE)
    return visits


def _spoken_over(transport: str, revision: Revision) -> bool:
    """Whether a revision is spoken over a transport; those that are no revision's own carry what they can."""
    if transport == "sse":
        return not revision.modern
    return transport != "http" or revision.streamable_http or revision.modern


@dataclass(frozen=True, slots=True)
class _Bill:
    """What may be played at a revision beside the plain scenario, for which judges; and what turned out to be
    pointless, and why."""

    revision: Revision
    judges: tuple[tuple[ClientJudge, list[Requirement]], ...]
    scenarios: tuple[Scenario, ...]
    pointless: dict[str, str | Inapplicable] = field(default_factory=dict)


def _bill(plan: ClientPlan, revision: Revision) -> _Bill:
    every = bound(revision, plan.transport)
    probes = {scenario.probe for scenario in every if plan.plays(scenario.name)}
    known = [scenario for scenario in every if plan.plays(scenario.name) or scenario.name in probes]
    names = {scenario.name for scenario in known}
    judges = tuple(
        (judge, rows)
        for judge in all_judges()
        if plan.wants(judge.monitor.id) and _seeing(judge, names)
        if (rows := binding(judge, revision, plan.transport))
    )
    needed = {name for judge, _ in judges for name in judge.scenarios or _general(known)}
    needed |= {scenario.probe for scenario in known if scenario.name in needed}
    return _Bill(revision, judges, tuple(item for item in known if item.name in needed - {PLAIN}))


def _due(bill: _Bill, visits: list[Visit], *, late: bool) -> Iterator[Scenario]:
    """The scenarios of a bill whose probe has been played, without those that it shows to be pointless."""
    for scenario in bill.scenarios:
        if late is (scenario.probe != PLAIN):
            own = [visit for visit in visits if visit.revision is bill.revision]
            probes = [visit.conversation for visit in own if visit.scenario.name == scenario.probe]
            if not probes:
                continue  # the time was over before: nobody knows whether it has a point
            reason = scenario.needs(probes)
            if reason is None:
                yield scenario
            else:
                bill.pointless[scenario.name] = reason


def _seeing(judge: ClientJudge, names: set[str]) -> bool:
    """Whether a judge has what it looks at, where these scenarios are played."""
    looked_at = set(judge.scenarios)
    return looked_at <= names if judge.compare or not looked_at else bool(looked_at & names)


def _general(scenarios: list[Scenario]) -> set[str]:
    """The scenarios that judges see which name none."""
    return {scenario.name for scenario in scenarios if not scenario.apart}


async def _play(plan: ClientPlan, scenes: Iterable[tuple[Scenario, Revision]], visits: list[Visit]) -> None:
    """Run scenarios side by side; add the visits that end within the deadline."""
    limiter, unlimited = anyio.CapacityLimiter(_TOGETHER), anyio.CapacityLimiter(math.inf)

    async def one(scenario: Scenario, revision: Revision) -> None:
        async with unlimited if scenario.waits else limiter:
            made = await receive(plan.subject, scenario, revision, plan.transport, plan.patience)
        visits.extend(made)
        for visit in made:
            plan.visited(visit)

    with anyio.move_on_after(plan.patience.run):
        async with anyio.create_task_group() as tasks:
            for scene in scenes:
                tasks.start_soon(one, *scene)


def _speaks(visit: Visit) -> bool:
    """Whether the client took part at this revision, or offered it and then did not."""
    return went_on(visit.conversation) or offered_version(visit.conversation) == visit.revision.name


def _why(visits: list[Visit]) -> str:
    """Say why nothing can be judged."""
    if not visits:
        return f"the client had not ended when {_LATE}"
    heard = [visit for visit in visits if any(True for _ in visit.conversation.received())]
    told = (heard or visits)[0].ended
    how = "had to be ended" if told.status is None else f"ended with status {told.status}"
    lines = told.said.strip().splitlines()
    said = f": {lines[-1].strip()}" if lines else ""
    if heard:
        return f"the client connected but opened no conversation at any revision; it {how}{said}"
    return f"the client never connected; it {how}{said}"


def _judge(plan: ClientPlan, bills: list[_Bill], visits: list[Visit], cut: str) -> None:
    """Let every judge look at what was said; `cut` is the reason why something is missing."""
    ordered = sorted(visits, key=lambda visit: (visit.scenario.name != PLAIN, visit.scenario.name))
    for bill in bills:
        _judge_at(plan, bill, [visit for visit in ordered if visit.revision is bill.revision], cut)


def _judge_at(plan: ClientPlan, bill: _Bill, visits: list[Visit], cut: str) -> None:
    """Let every judge that binds at a revision look at what was said in the scenarios that it sees."""
    played = {scenario.name: scenario for scenario in (visit.scenario for visit in visits)}
    general = _general(list(played.values()))
    for judge, rows in bill.judges:
        seen = {
            name: [visit.conversation for visit in visits if visit.scenario.name == name]
            for name in judge.scenarios or played
            if name in played and (judge.scenarios or name in general)
        }
        plan.emit(judge, bill.revision, rows, _judged(judge, seen, bill.pointless, cut))


def _judged(judge: ClientJudge, seen: Twins, pointless: Mapping[str, str | Inapplicable], cut: str) -> Judged:
    """Return what a judge says of the conversations that it is to see, or why they are not there."""
    missing = [name for name in judge.scenarios if name not in seen]
    compare = judge.compare
    if missing and (compare or not seen):
        reason = next((pointless[name] for name in missing if name in pointless), None)
        if isinstance(reason, Inapplicable):
            return Judged("inapplicable", reason.reason)
        return Judged("blocked", reason) if reason is not None else Judged("blocked", cut, cause=cut)
    if compare is None:
        return run_monitor(
            judge.monitor, [item for several in seen.values() for one in several for item in strands(one)]
        )
    monitor = replace(judge.monitor, body=lambda conversation: compare(conversation, seen))
    return run_monitor(monitor, seen[judge.scenarios[-1]])


def binding(judge: ClientJudge, revision: Revision, transport: str) -> list[Requirement]:
    """Return the requirements that a judge holds against a client at a revision, strongest first."""
    rows = load().binding(judge.monitor.requirements, revision, transport)
    return [row for row in rows if "client" in row.sides and "client" not in row.untestable]
