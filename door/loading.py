"""`load`: the load part of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil

from conformance import target as targets
from conformance.scout import Scouted, chosen
from door.arriving import Arrival, arrival_of
from door.checking import CheckPlan
from door.config import Settings
from door.errors import Exit, Refusal
from door.offering import offer_of
from door.options import LoadOptions
from door.progress import Live, Stage
from door.scaling import ALONE, WHOSE, Scale
from door.session import Session
from door.starting import Start
from loadtest.capacity import find_capacity
from loadtest.objectives import Objective, parse_objective
from loadtest.recorded import Step, read_recording
from loadtest.run import LoadError, LoadOutcome, Progress
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes, next_operation
from loadtest.scenarios import MIX, STEADY, scenario_named
from loadtest.serving import Serving
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

__all__ = ["LoadSettings", "measure", "plan_of"]

Runner = Callable[[LoadPlan, Callable[[Progress], None]], LoadOutcome]


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What load is made: by which scenario, and with which tools; without any it chooses what may be called."""

    checks: CheckPlan
    arrival: Arrival
    objectives: tuple[Objective, ...]
    scenario: Scenario
    wishes: Wishes
    seed: int
    scale: Scale = ALONE
    serving: Serving | None = None

    @classmethod
    def of(cls, options: LoadOptions, settings: Settings, checks: CheckPlan, seed: int) -> LoadSettings:
        """Read the options. Raises `Refusal` for one that cannot be understood, and for two models at once.

        Where nothing says what to do, the mix of the settings file is played, if it has one.
        """
        try:
            parsed = tuple(parse_objective(text) for text in (*settings.objectives, *(options.slo or ())))
            usual = MIX if settings.mix and not options.tool else STEADY
            scenario = scenario_named(options.scenario or usual.name)
            recording = () if options.recording is None else _recording(options.recording)
            tools = tuple(_weighted(text) for text in options.tool or ())
            wishes = Wishes(tools=tools, mix=settings.mix, recording=recording)
        except ValueError as error:
            raise Refusal(str(error)) from None
        return cls(checks, arrival_of(options), parsed, scenario, wishes, seed)

    def served_by(self, start: Start | None) -> LoadSettings:
        """Return the settings for a target that is ours to start: scenarios may start it again."""
        if start is None:
            return self
        serving = Serving(argv=start.argv, url=start.url, env=dict(start.env), cwd=start.cwd)
        return replace(self, serving=serving)


def _recording(text: str) -> tuple[Step, ...]:
    """Read `FILE` or `FILE#CHECK`. Raises ValueError."""
    path, _, identifier = text.partition("#")
    return read_recording(Path(path), identifier)


def _weighted(text: str) -> tuple[str, float]:
    """Read `TOOL` or `TOOL=WEIGHT`. Raises ValueError for a weight that is none."""
    tool, _, weight = text.rpartition("=")
    if not tool:
        return text, 1.0
    try:
        share = float(weight)
    except ValueError:
        share = math.nan
    if not (share > 0 and math.isfinite(share)):
        raise ValueError(f"--tool {text}: what follows = is how often it is called, a number above 0")
    return tool, share


def measure(session: Session, live: Live, target: targets.Target, scouted: Scouted, settings: LoadSettings) -> None:
    """Put a target that was looked at under load at its newest revision. Raises `Refusal` if nothing was measured."""
    if settings.scenario.eras:
        raise Refusal(f"{settings.scenario.name} measures both eras in turns: touchstone load --scenario does that")
    plan = plan_of(target, scouted, chosen(scouted.eras, settings.checks.revisions)[-1], settings)
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
        raise Refusal(str(problem) if scenario is STEADY else f"{scenario.name}: {problem}", code) from None


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
