"""A run on a client: the plain scenario at every revision tells which of them it speaks; then all the others do.

Scenarios run side by side, each with a process of the client's own. When all have been played, every judge looks at
what was said at each revision, and gives one verdict on it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import anyio

from conformance.attempt import run_monitor
from conformance.catalogue import Requirement, load
from conformance.clients.declare import ClientJudge, all_judges
from conformance.clients.said import offered_version, went_on
from conformance.clients.scenario import Scenario, bound
from conformance.clients.subject import Subject
from conformance.clients.visit import Visit, receive
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

    `subject` runs the client once; `transport` is "http" or "stdio"; `emit` takes each judgement, `spoken` the
    revisions that the client speaks, and `visited` each visit. `only` holds patterns of ids, `revisions` names.
    """

    subject: Subject
    transport: str
    emit: Emit
    spoken: Callable[[list[Revision]], None] = _ignore
    visited: Callable[[Visit], None] = _ignore
    only: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)

    def wants(self, identifier: str) -> bool:
        """Whether a judge is among those asked for."""
        return not self.only or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in self.only)


async def run_client(plan: ClientPlan) -> list[Visit]:
    """Judge a client. Raises `NotStarted`, or `NeverCame` if it said nothing that can be judged."""
    return await beside_readers(lambda _: _run(plan))


async def _run(plan: ClientPlan) -> list[Visit]:
    revisions = [
        revision
        for revision in REVISIONS
        if (plan.transport == "stdio" or revision.streamable_http or revision.modern)
        and (not plan.revisions or revision.name in plan.revisions)
    ]
    plain = await _visits(plan, [(bound(revision, plan.transport)[0], revision) for revision in revisions])
    spoken = [visit.revision for visit in plain if _speaks(visit)]
    if not spoken:
        raise NeverCame(_why(plain))
    plan.spoken(spoken)
    others = [(scenario, revision) for revision in spoken for scenario in bound(revision, plan.transport)[1:]]
    visits = plain + await _visits(plan, others)
    for revision in spoken:
        _judge(plan, revision, [visit for visit in visits if visit.revision is revision])
    return visits


async def _visits(plan: ClientPlan, scenes: Iterable[tuple[Scenario, Revision]]) -> list[Visit]:
    """Run scenarios side by side; return the visits, in the order of the scenes, that ended within the deadline."""
    wanted = list(scenes)
    visits: dict[int, Visit] = {}
    limiter = anyio.CapacityLimiter(_TOGETHER)

    async def one(number: int, scenario: Scenario, revision: Revision) -> None:
        async with limiter:
            visits[number] = await receive(plan.subject, scenario, revision, plan.transport, plan.patience)
        plan.visited(visits[number])

    with anyio.move_on_after(plan.patience.run):
        async with anyio.create_task_group() as tasks:
            for number, scene in enumerate(wanted):
                tasks.start_soon(one, number, *scene)
    return [visits[number] for number in sorted(visits)]


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


def _judge(plan: ClientPlan, revision: Revision, visits: list[Visit]) -> None:
    """Let every judge that binds at a revision look at what was said in the scenarios that it sees."""
    played = {None, *(scenario.name for scenario in bound(revision, plan.transport))}
    for judge in all_judges():
        rows = binding(judge, revision, plan.transport)
        seen = [visit.conversation for visit in visits if judge.scenario in (None, visit.scenario.name)]
        if plan.wants(judge.monitor.id) and rows and judge.scenario in played:
            judged = run_monitor(judge.monitor, seen) if seen else Judged("blocked", _LATE, cause=_LATE)
            plan.emit(judge, revision, rows, judged)


def binding(judge: ClientJudge, revision: Revision, transport: str) -> list[Requirement]:
    """Return the requirements that a judge holds against a client at a revision, strongest first."""
    rows = load().binding(judge.monitor.requirements, revision, transport)
    return [row for row in rows if "client" in row.sides and "client" not in row.untestable]
