"""`load`: the load part of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import psutil

from conformance import target as targets
from conformance.scout import Scouted, chosen
from door.errors import Exit, Refusal
from door.load_settings import LoadSettings
from door.offering import offer_of
from door.progress import Live, Stage
from door.scaling import WHOSE
from door.session import Session
from loadtest.capacity import find_capacity
from loadtest.run import LoadError, LoadOutcome, Progress
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes, next_operation
from loadtest.scenarios import MIX, STEADY
from loadtest.totals import OPENING
from loadtest.workload import (
    HttpTarget,
    LoadPlan,
    OpenModel,
    SseTarget,
    StdioTarget,
    Target,
    WebSocketTarget,
    Workload,
    operations_meant,
)
from reference_impl.protocol.revisions import Revision

__all__ = ["measure", "plan_of"]

Runner = Callable[[LoadPlan, Callable[[Progress], None]], LoadOutcome]


def measure(session: Session, live: Live, target: targets.Target, scouted: Scouted, settings: LoadSettings) -> None:
    """Put a target that was looked at under load at its newest revision. Raises `Refusal` if nothing was measured."""
    if settings.scenario.eras:
        raise Refusal(f"{settings.scenario.name} measures both eras in turns: touchstone load --scenario does that")
    plan = plan_of(target, scouted, chosen(scouted.eras, settings.checks.revisions)[-1], settings)
    if plan.workload.why:
        live.announce(f"load asks for {plan.workload.why}")
    stage = live.stage(f"load on {plan.revision}: {_shown(plan.workload)}", int(plan.duration))
    carry_out = _search if settings.arrival.search else _run
    with settings.scale.runner(live) as run:
        _record(session, plan, lambda asked: carry_out(asked, stage, run))


def plan_of(target: targets.Target, scouted: Scouted, revision: Revision, settings: LoadSettings) -> LoadPlan:
    """Return the plan for a target that was looked at. Raises `Refusal` for what it lacks, or was wrongly asked for."""
    offer = offer_of(target, scouted, revision, settings.scenario.tokens)
    offer = msgspec.structs.replace(offer, serving=settings.serving)
    plan = LoadPlan(
        target=_target(target, settings.scenario),
        revision=revision.name,
        workload=_workload(settings.scenario, offer, settings.wishes),
        model=settings.arrival.model,
        duration=settings.arrival.duration,
        warm_up=settings.arrival.warm_up,
        timeout=settings.checks.patience.answer,
        seed=settings.seed,
        objectives=settings.objectives,
        target_pid=_local_pid(target),
    )
    _need_operations(plan, settings.scenario)
    return settings.scale.equipped(plan, target)


def _run(plan: LoadPlan, stage: Stage, run: Runner) -> LoadOutcome:
    return run(plan, lambda now: stage.step(f"{now.phase} {now.rate:,.0f}/s", to=now.elapsed))


def _search(plan: LoadPlan, stage: Stage, run: Runner) -> LoadOutcome:
    began = time.monotonic()

    def run_step(step: LoadPlan) -> LoadOutcome:
        asked = f"{step.model.rate:,.3g}/s" if isinstance(step.model, OpenModel) else "one user alone"

        def progress(now: Progress) -> None:
            stage.step(f"{asked}: {now.phase} {now.rate:,.0f}/s", to=min(plan.duration, time.monotonic() - began))

        return run(step, progress)

    return find_capacity(plan, run_step)


def _record(session: Session, plan: LoadPlan, carry_out: Callable[[LoadPlan], LoadOutcome]) -> None:
    try:
        outcome = carry_out(plan)
    except LoadError as error:
        raise Refusal(str(error), WHOSE[error.whose]) from None
    for row in outcome.rows:
        session.record(row)
    if outcome.interrupted:
        raise KeyboardInterrupt


def _need_operations(plan: LoadPlan, scenario: Scenario) -> None:
    """Raise `Refusal` for an objective of an operation that this load has not, as far as that is known beforehand."""
    names = {operation.name for operation in plan.workload.operations}
    for each in plan.objectives if scenario.turn is next_operation else ():
        if each.operation not in ("", OPENING) and not operations_meant(each.operation, plan.workload) & names:
            known = ", ".join(sorted(names))
            raise Refusal(f"objective {each.text!r}: this load has no operation {each.operation!r}; it has {known}")


def _shown(workload: Workload) -> str:
    first = workload.operations[0].name
    return first if workload.scenario == STEADY.name else workload.name


def _target(target: targets.Target, scenario: Scenario) -> Target:
    match target:
        case targets.HttpTarget(url, headers):
            return HttpTarget(url=url, headers=dict(headers))
        case targets.StdioTarget(argv, env, cwd):
            return StdioTarget(argv=argv, env=dict(env), cwd=cwd, process_each=scenario.alone)
        case targets.SseTarget(url, headers):
            return SseTarget(url=url, headers=dict(headers))
        case targets.WebSocketTarget(url, headers):
            return WebSocketTarget(url=url, headers=dict(headers))
        case targets.MemoryTarget(name):
            raise Refusal(f"{name} lives in this process; only a command or a URL can be put under load")


def _workload(scenario: Scenario, offer: Offer, wishes: Wishes) -> Workload:
    """Let the scenario choose. Raises `Refusal`: exit 3 for what the target lacks, 2 for what the user asked of it."""
    try:
        return msgspec.structs.replace(scenario.workload(offer, wishes), scenario=scenario.name)
    except Unavailable as problem:
        code = Exit.USAGE if problem.asked else Exit.UNREACHABLE
        raise Refusal(str(problem) if scenario in (STEADY, MIX) else f"{scenario.name}: {problem}", code) from None


def _local_pid(target: targets.Target) -> int | None:
    """Return the process that listens where an HTTP target on this machine does, if it can be told."""
    if isinstance(target, targets.StdioTarget | targets.MemoryTarget):
        return None
    parts = urlsplit(target.url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    for item in connections:
        if item.status == psutil.CONN_LISTEN and item.laddr and item.laddr[1] == port and item.pid:
            return item.pid
    return None
