"""`check`: the conformance part of a run."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import anyio

from conformance.eras import Eras
from conformance.runner import Plan, RunResult, run_checks
from conformance.scout import Unreachable
from conformance.surface import Permission, Surface
from conformance.target import Target
from door.advertising import advertised_by
from door.errors import Exit, Refusal
from door.plans import CheckPlan
from door.progress import Live, Stage
from door.session import Session, describe
from door.terminal import complain
from reference_impl.protocol.revisions import Revision
from reports.records import Verdict

__all__ = ["check", "warn_of_unlisted"]


def check(session: Session, live: Live, target: Target, options: CheckPlan) -> RunResult:
    """Judge one target. Raises `Refusal` (exit 3) if it cannot be reached."""
    live.stage("waking the target")
    stages: dict[str, Stage] = {}

    def detected(eras: Eras) -> None:
        session.target(describe(target, eras.implementation), tuple(revision.name for revision in eras.revisions))

    def started(revision: Revision, count: int) -> None:
        name = f"checking {revision.name} over {target.transport}"
        stages[revision.name] = live.stage(name, count, beside=bool(stages))

    def emit(verdict: Verdict) -> None:
        session.record(verdict)
        if verdict.revision in stages:
            stages[verdict.revision].step(verdict.check, outcome=verdict.outcome)

    plan = Plan(
        target,
        emit,
        detected,
        started,
        revisions=options.revisions,
        only=options.only,
        permission=options.permission,
        patience=options.patience,
    )
    try:
        result = anyio.run(run_checks, plan)
    except Unreachable as error:
        raise Refusal(str(error), Exit.UNREACHABLE) from None
    for row in advertised_by(result.benches):
        session.record(row)
    warn_of_unlisted(options.permission, [bench.surface for bench in result.benches])
    return result


def warn_of_unlisted(permission: Permission, surfaces: Iterable[Surface]) -> None:
    """Say which tools the user named that the target does not list: a misspelt one goes untested."""
    listed = sorted({str(tool.get("name")) for surface in surfaces for tool in surface.tools})
    for name in sorted({*permission.allowed, *permission.samples} - set(listed)):
        close = get_close_matches(name, listed, 1)
        complain(f"the target lists no tool {name!r}{f'; did you mean {close[0]!r}?' if close else ''}")
