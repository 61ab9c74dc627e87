"""`fuzz`: the property-based part of a run, and the repetition of one finding."""

from __future__ import annotations

import shlex
from pathlib import Path

import anyio
import msgspec
from hypothesis.configuration import set_hypothesis_home_dir

from conformance.patience import Patience
from conformance.properties.findings import case_of
from conformance.properties.runner import FuzzPlan, Tried, run_case, run_properties
from conformance.scout import Scouted
from conformance.target import Target
from door.config import read_settings
from door.errors import Exit, Refusal
from door.options import TargetOptions
from door.plans import FuzzSettings
from door.progress import Live, Stage
from door.session import HOME, Output, Session
from door.terminal import Terminal
from reference_impl.protocol.revisions import Revision, revision_named
from reports.records import Finding, visible

__all__ = ["fuzz", "replay_finding"]


def fuzz(session: Session, live: Live, target: Target, scouted: Scouted, settings: FuzzSettings) -> None:
    """Try every property on a target that was looked at."""
    checks = settings.checks

    stages: dict[str, Stage] = {}

    def started(revision: Revision, count: int) -> None:
        stages[revision.name] = live.stage(f"fuzzing {revision.name} over {target.transport}", count)

    def emit(finding: Finding) -> None:
        written = session.record(_repeatable(finding, session.records))
        stages[finding.revision].step(finding.property, outcome=finding.outcome)
        if isinstance(written, Finding) and written.outcome == "failed":
            live.announce(visible(f"found: {finding.property} at {finding.revision}: {written.summary}"))

    plan = FuzzPlan(
        target,
        emit,
        started,
        revisions=checks.revisions,
        only=checks.only,
        patience=checks.patience,
        examples=settings.examples,
        seconds=settings.seconds,
        seed=settings.seed,
        database=HOME / "examples",
    )

    if settings.alone:
        # Or Hypothesis would leave a folder of its own beside ours.
        set_hypothesis_home_dir(HOME / "hypothesis")
    anyio.run(run_properties, plan, scouted)
    if settings.active:
        _attack(session, live, target, scouted, settings)


def _attack(session: Session, live: Live, target: Target, scouted: Scouted, settings: FuzzSettings) -> None:
    """Try the active security probes."""
    from conformance.security.runner import ProbePlan, run_probes

    stages: dict[str, Stage] = {}

    def started(revision: Revision, count: int) -> None:
        stages[revision.name] = live.stage(f"attacking {revision.name} over {target.transport}", count)

    def emit(finding: Finding) -> None:
        session.record(finding)
        stages[finding.revision].step(finding.property, outcome=finding.outcome)

    checks = settings.checks
    plan = ProbePlan(
        target,
        emit,
        started,
        revisions=checks.revisions,
        only=checks.only,
        patience=checks.patience,
        sandbox=settings.sandbox,
        seed=settings.seed,
        seconds=settings.seconds,
    )
    anyio.run(run_probes, plan, scouted)


def _repeatable(finding: Finding, records: Path) -> Finding:
    """Return a finding whose command names the records to find it in, where they are not where they usually are."""
    if not finding.repeat or records == Output().records:
        return finding
    return msgspec.structs.replace(finding, repeat=f"{finding.repeat} --records {shlex.quote(str(records))}")


def replay_finding(finding: Finding, options: TargetOptions) -> int:
    """Try the smallest case of a finding again. Raises `Refusal` if the record holds none."""
    try:
        case = case_of(finding)
    except ValueError as error:
        raise Refusal(str(error)) from None
    settings = read_settings(
        options.target or [],
        file=options.config,
        headers=options.header or [],
        token=options.token,
        env=options.env or [],
    )
    target, revision = settings.target, revision_named(finding.revision)
    if target is None or revision is None:
        raise Refusal(f"the record of {finding.property} names no target to repeat it on")
    with settings.ready():
        tried = anyio.run(run_case, target, revision, Patience(), case)
    return _tell(finding, [text for text in finding.conversation if isinstance(text, str)], tried)


def _tell(finding: Finding, sent: list[str], tried: Tried) -> int:
    console = Terminal(highlight=False, soft_wrap=True)
    console.print(f"{finding.property} at {finding.revision}: {finding.title}", markup=False)
    for text in sent:
        console.print(f"  → {text}", markup=False)
    mismatch = tried.judged.mismatch
    if mismatch is None:
        if tried.judged.outcome == "blocked":
            raise Refusal(tried.judged.summary, Exit.UNREACHABLE)
        console.print("It did not fail this time.", markup=False)
        return Exit.PASSED
    console.print(f"  expected  {mismatch.expected}\n  actual    {mismatch.actual}\nIt failed again.", markup=False)
    return Exit.FAILED
