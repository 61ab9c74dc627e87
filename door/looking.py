"""A first look at a target, for the parts of a run that choose by what it offers what they do."""

from __future__ import annotations

import anyio

from conformance.eras import Eras
from conformance.scout import Scouted, Unreachable, scout
from conformance.target import Target
from door.errors import Exit, Refusal
from door.plans import CheckPlan
from door.progress import Live
from door.session import Session, describe

__all__ = ["look"]


def look(session: Session, live: Live, target: Target, plan: CheckPlan, eras: Eras | None = None) -> Scouted:
    """Find out what a target speaks (unless `eras` says so) and offers. Raises `Refusal` (exit 3) if it is gone."""
    live.stage("looking at what the target offers")
    try:
        scouted = anyio.run(scout, target, plan.patience, plan.permission, plan.revisions, eras)
    except Unreachable as error:
        raise Refusal(str(error), Exit.UNREACHABLE) from None
    names = tuple(revision.name for revision in scouted.eras.revisions)
    session.target(describe(target, scouted.eras.implementation), names)
    return scouted
