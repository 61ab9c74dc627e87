"""A conformance run: detect the eras, then judge the target at each revision that it speaks."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial

import anyio.abc

from conformance.attempt import run_monitor
from conformance.bench import Bench
from conformance.eras import Eras
from conformance.gate import note_open
from conformance.judge import Judge
from conformance.patience import Patience
from conformance.readers import beside_readers
from conformance.scout import Unreachable, chosen, find_eras
from conformance.suite import Suite, declared
from conformance.surface import Permission
from conformance.target import StdioTarget, Target, bears_credentials
from conformance.together import together
from conformance.transcript import Conversation
from conformance.verdicts import Place, verdict
from reference_impl.protocol.revisions import LATEST_LEGACY, Revision, revision_named
from reports.records import Verdict

__all__ = ["Plan", "RunResult", "run_checks"]

_SHUT = "the target wants a token (HTTP 401): give it with --token, or in [authorization] of touchstone.toml"
_REFUSED = "the target does not take the token that it was given (HTTP 401)"


_AT_ONCE = 2
"""Revisions of a target that is started for each connection: more would wait for one another to start."""


def _ignore(*_: object) -> None:
    """Take an event that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    `revisions` limits the revisions that were detected (empty: all); `only` holds patterns of check ids; `emit` takes
    each verdict as it falls, `detected` the eras, `started` the number of verdicts to come at a revision. `suite` is
    what the target is judged by.
    """

    target: Target
    emit: Callable[[Verdict], None]
    detected: Callable[[Eras], None] = _ignore
    started: Callable[[Revision, int], None] = _ignore
    revisions: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    permission: Permission = field(default_factory=Permission)
    patience: Patience = field(default_factory=Patience)
    suite: Suite = field(default_factory=declared)

    def wants(self, identifier: str) -> bool:
        """Whether a check or monitor is among those asked for."""
        return not self.only or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in self.only)


@dataclass(slots=True)
class RunResult:
    """What a run leaves: the eras that were found, and the benches with everything that was said."""

    eras: Eras
    benches: list[Bench] = field(default_factory=list)


async def run_checks(plan: Plan) -> RunResult:
    """Detect the eras, then judge each revision. Raises `Unreachable` if no conversation could be opened."""

    async def run(readers: anyio.abc.TaskGroup) -> RunResult:
        async with AsyncExitStack() as kept:
            return await _run(plan, readers, kept)

    return await beside_readers(run)


async def _run(plan: Plan, readers: anyio.abc.TaskGroup, kept: AsyncExitStack) -> RunResult:
    try:
        eras = await find_eras(plan.target, plan.patience, readers, kept)
        plan.detected(eras)
        wanted = chosen(eras, plan.revisions)
    except Unreachable as error:
        if error.eras is None or error.eras.revisions:
            raise
        if not error.eras.gated:
            _judge_noise(plan, error.eras)
        elif not await _judge_gate(plan, error.eras, readers):
            return RunResult(error.eras)
        raise
    benches = [_bench(plan, eras, revision, readers) for revision in wanted]
    for bench in benches:
        bench.starts = benches[0].starts
    for era, begun in eras.begun.items():
        if all(revision.era is not era for revision in wanted):
            readers.start_soon(begun.stack.aclose)  # nobody goes on with it, and nobody is to wait for its end
    ends = anyio.current_time() + plan.patience.whole
    judges = [partial(_judge, plan, bench, ends) for bench in benches]
    if isinstance(plan.target, StdioTarget):
        # Processes of their own do not disturb one another; one server that all connect to might be held up.
        lost = await together(*judges, at_once=_AT_ONCE)
    else:
        # What one revision leaves of the time is for those behind it.
        lost = [await judge(among=len(judges) - number) for number, judge in enumerate(judges)]
    reasons = [reason for reason in lost if reason is not None]
    if len(reasons) == len(wanted):
        raise Unreachable(reasons[0], eras)
    return RunResult(eras, benches)


def _bench(plan: Plan, eras: Eras, revision: Revision, readers: anyio.abc.TaskGroup) -> Bench:
    bench = Bench(plan.target, revision, plan.patience, readers)
    bench.spoken = tuple(eras.revisions)
    bench.surface.permission = plan.permission
    if (begun := eras.begun.get(revision.era)) is not None and begun.peer.conversation.revision == revision.name:
        bench.leases.adopt(begun)
    if eras.revisions and not bears_credentials(plan.target):
        note_open(bench)
    bench.conversations += [item for item in eras.conversations if item.revision == revision.name]
    return bench


async def _judge(plan: Plan, bench: Bench, ends: float, among: int = 1) -> str | None:
    """Judge one revision in its share of the time; return why it could not be spoken a second time, if so."""
    left = max(ends - anyio.current_time(), 0.0) / among
    bench.patience = replace(bench.patience, run=min(bench.patience.run, left))
    suite = plan.suite.binding(bench.revision, plan.target.transport, plan.wants)
    plan.started(bench.revision, len(suite))
    judge = Judge(bench, suite, plan.emit)
    await judge.run()
    judge.watch(bench.conversations)
    return judge.lost


async def _judge_gate(plan: Plan, eras: Eras, readers: anyio.abc.TaskGroup) -> bool:
    """Judge what a target says to those whom it does not let in; return whether there was more to judge.

    Which revisions it speaks inside, nobody can tell: it is judged by those that were asked for, or the newest that
    begins with a handshake.
    """
    shut_out = False
    named = [revision for name in plan.revisions if (revision := revision_named(name)) is not None]
    for revision in named or [LATEST_LEGACY]:
        bench = _bench(plan, eras, revision, readers)
        suite = plan.suite.binding(revision, plan.target.transport, plan.wants)
        plan.started(revision, len(suite))
        reason = _REFUSED if bears_credentials(plan.target) else _SHUT
        shut_out = await Judge(bench, suite, plan.emit).run_outside(reason) or shut_out
    return shut_out


def _judge_noise(plan: Plan, eras: Eras) -> None:
    """Say what is wrong with the output of a target that opened no conversation.

    What says no word of JSON-RPC is no MCP server (another command, a wrong path, a gate that misses a credential),
    and breaks no rule of this protocol.
    """
    suite = plan.suite.binding(LATEST_LEGACY, plan.target.transport, plan.wants)
    spoken = [item for item in eras.conversations if _speaks_json_rpc(item)]
    for watch in suite.monitors:
        judged = run_monitor(watch, spoken)
        if judged.outcome == "failed":
            rows = suite.catalogue.binding(watch.requirements, LATEST_LEGACY, plan.target.transport)
            plan.emit(verdict(watch, rows, Place(plan.target, LATEST_LEGACY), judged))


def _speaks_json_rpc(conversation: Conversation) -> bool:
    said = (entry for entry in conversation.received() if entry.is_message and "jsonrpc" in entry.value)
    return any(not conversation.repeats(entry) for entry in said)
