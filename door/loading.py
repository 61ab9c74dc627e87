"""`load`: the load part of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from conformance import target as targets
from conformance.expect import Blocked, Inapplicable
from conformance.scout import Scouted, chosen
from conformance.surface import Surface, ToolCall
from door.checking import CheckPlan
from door.errors import Exit, Refusal
from door.options import LoadOptions
from door.progress import Live
from door.session import Session
from loadtest.objectives import Objective, parse_objective
from loadtest.run import LoadError, LoadOutcome, Progress, run_load
from loadtest.workload import (
    MARKER,
    ClosedModel,
    HttpTarget,
    LoadPlan,
    OpenModel,
    Operation,
    StdioTarget,
    Target,
    Workload,
)
from reference_impl.protocol.revisions import Revision

__all__ = ["LoadSettings", "measure"]

_WARM_UP = 0.5
_USERS = 8
_WHOSE: dict[str, Exit] = {"target": Exit.UNREACHABLE, "generator": Exit.FAULT, "setup": Exit.USAGE}


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What load is made. `tool` is the one to call; without it one that may be called is chosen."""

    checks: CheckPlan
    model: OpenModel | ClosedModel
    duration: float
    objectives: tuple[Objective, ...]
    tool: str | None
    seed: int

    @classmethod
    def of(cls, options: LoadOptions, objectives: Iterable[str], checks: CheckPlan, seed: int) -> LoadSettings:
        """Read the options. Raises `Refusal` for an objective that cannot be read, and for two models at once."""
        try:
            parsed = tuple(parse_objective(text) for text in (*objectives, *(options.slo or ())))
        except ValueError as error:
            raise Refusal(str(error)) from None
        if options.rate is not None and options.users is not None:
            raise Refusal("--rate (calls that wait for nobody) and --users (who call in turn) are two models; take one")
        users = _USERS if options.users is None else options.users
        model = ClosedModel(users=users) if options.rate is None else OpenModel(rate=options.rate)
        return cls(checks, model, options.duration, parsed, options.tool, seed)


def measure(session: Session, live: Live, target: targets.Target, scouted: Scouted, settings: LoadSettings) -> None:
    """Put a target that was looked at under load at its newest revision. Raises `Refusal` if nothing was measured."""
    checks = settings.checks
    revision = chosen(scouted.eras, checks.revisions)[-1]
    plan = LoadPlan(
        target=_target(target),
        revision=revision.name,
        workload=Workload(name="steady calls", operations=(_operation(scouted, revision, settings.tool),)),
        model=settings.model,
        duration=settings.duration,
        warm_up=_WARM_UP,
        timeout=checks.patience.answer,
        seed=settings.seed,
        objectives=settings.objectives,
        target_pid=_local_pid(target),
    )
    _carry_out(session, live, plan)


def _carry_out(session: Session, live: Live, plan: LoadPlan) -> None:
    stage = live.stage(f"load on {plan.revision}: {plan.workload.operations[0].name}", int(plan.duration))

    def progress(now: Progress) -> None:
        stage.step(f"{now.phase} {now.rate:,.0f}/s", to=now.elapsed)

    try:
        outcome: LoadOutcome = run_load(plan, progress)
    except LoadError as error:
        raise Refusal(str(error), _WHOSE[error.whose]) from None
    for row in outcome.rows:
        session.record(row)
    if outcome.interrupted:
        raise KeyboardInterrupt


def _target(target: targets.Target) -> Target:
    match target:
        case targets.HttpTarget(url, headers):
            return HttpTarget(url=url, headers=dict(headers))
        case targets.StdioTarget(argv, env, cwd):
            return StdioTarget(argv=argv, env=dict(env), cwd=cwd)
        case targets.SseTarget() | targets.WebSocketTarget():
            raise Refusal(f"load is put on commands and on http URLs, not on {targets.shown(target)}")
        case targets.MemoryTarget(name):
            raise Refusal(f"{name} lives in this process; only a command or a URL can be put under load")


def _operation(scouted: Scouted, revision: Revision, tool: str | None) -> Operation:
    """Choose what to call: the named tool, one that echoes its argument, any that may be called, or a list."""
    surface = scouted.surfaces[revision.name]
    if tool is not None:
        return _call(_named(surface, tool))
    if revision.name in scouted.echoes:
        call, member = scouted.echoes[revision.name]
        arguments = {**call.arguments, member: f"touchstone {MARKER}"}
        return _call(ToolCall(call.tool, arguments), echoes=True)
    try:
        return _call(surface.need_call())
    except (Blocked, Inapplicable):
        method = "tools/list" if "tools" in scouted.capabilities[revision.name] else _cheap(revision)
        return Operation(name=method, method=method)


def _cheap(revision: Revision) -> str:
    return "server/discover" if revision.modern else "ping"


def _named(surface: Surface, tool: str) -> ToolCall:
    call = next((call for call in surface.calls() if call.tool["name"] == tool), None)
    if call is None:
        known = ", ".join(call.tool["name"] for call in surface.calls()) or "none"
        raise Refusal(
            f"{tool} may not be called (--allow {tool} lets it) or has no arguments to try; known are {known}"
        )
    return call


def _call(call: ToolCall, *, echoes: bool = False) -> Operation:
    name = call.tool["name"]
    schema = call.tool.get("inputSchema")
    return Operation(
        name=f"tools/call {name}",
        method="tools/call",
        params=call.params,
        echoes=echoes,
        schema=schema if isinstance(schema, dict) else None,
    )


def _local_pid(target: targets.Target) -> int | None:
    """Return the process that listens where an HTTP target on this machine does, if it can be told."""
    if not isinstance(target, targets.HttpTarget):
        return None
    parts = urlsplit(target.url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    for item in connections:
        if item.status == psutil.CONN_LISTEN and item.laddr and item.laddr[1] == port and item.pid:
            return item.pid
    return None
