"""Runs checks and monitors against one target and turns whatever happens into verdicts.

The one place where any exception becomes an outcome. A check that fails on a connection it shared is run again alone,
on a new connection, before it is believed: the fault of one check, or of our own haste, is not another's failure.
"""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import anyio

from conformance.bench import Bench
from conformance.catalogue import Catalogue, Requirement
from conformance.catalogue import load as load_catalogue
from conformance.check import Check, Monitor, Sharing, all_checks, all_monitors
from conformance.eras import Eras, detect
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.links import Gone, Silence
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.surface import Permission, gather
from conformance.target import Target
from conformance.transcript import Conversation, owner
from conformance.verdicts import Judged, verdict
from reference_impl.protocol.revisions import Revision
from reference_impl.transports.stdio import TargetNotStarted
from reports.records import Verdict

__all__ = ["Plan", "RunResult", "Unreachable", "run_checks"]

_TOGETHER = 8
"""Checks that speak on one shared connection at the same time."""
_PROCESSES = 2
"""Connections of their own that checks may hold at the same time."""


class Unreachable(Exception):  # noqa: N818 - the name says what happened
    """The target could not be started or reached, or took part in no handshake; the message is one line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    `revisions` limits the revisions that were detected (empty: all); `only` holds patterns of check ids; `emit` takes
    each verdict as it falls, `started` the number of checks to come at a revision.
    """

    target: Target
    emit: Callable[[Verdict], None]
    started: Callable[[Revision, int], None] = lambda _revision, _count: None
    detected: Callable[[Eras], None] = lambda _eras: None
    revisions: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    permission: Permission = field(default_factory=Permission)
    patience: Patience = field(default_factory=Patience)

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
    async with anyio.create_task_group() as readers:
        eras = await _detect(plan, readers)
        plan.detected(eras)
        result = RunResult(eras)
        for revision in eras.revisions:
            if not plan.revisions or revision.name in plan.revisions:
                bench = Bench(plan.target, revision, plan.patience, readers)
                bench.surface.permission = plan.permission
                result.benches.append(bench)
                await _Judge(plan, bench, load_catalogue()).judge(eras.conversations)
        readers.cancel_scope.cancel()
    if plan.revisions and not result.benches:
        spoken = ", ".join(revision.name for revision in eras.revisions)
        raise Unreachable(f"the target does not speak {', '.join(plan.revisions)}; it speaks {spoken}")
    return result


async def _detect(plan: Plan, readers: anyio.abc.TaskGroup) -> Eras:
    try:
        eras = await detect(lambda revision: Bench(plan.target, revision, plan.patience, readers))
    except TargetNotStarted as error:
        raise Unreachable(f"the target could not be started: {error}") from None
    if eras.revisions:
        return eras
    _judge_noise(plan, eras)
    raise Unreachable(f"the target took part in no handshake: {eras.describe()}")


def _judge_noise(plan: Plan, eras: Eras) -> None:
    """Let the monitors that need no revision say what is wrong with a target that opened no conversation."""
    bench_revision = plan_revision = None
    del bench_revision, plan_revision
    for watch in all_monitors():
        if plan.wants(watch.id):
            _emit_noise(plan, watch, eras.conversations)


def _emit_noise(plan: Plan, watch: Monitor, conversations: list[Conversation]) -> None:
    from reference_impl.protocol.revisions import LATEST_LEGACY

    rows = load_catalogue().binding(watch.requirements, LATEST_LEGACY, plan.target.transport)
    judged = _monitor(watch, conversations)
    if rows and judged.outcome == "failed":
        plan.emit(verdict(watch, rows, LATEST_LEGACY, plan.target, judged))


class _Judge:
    """The judgement of one target at one revision."""

    def __init__(self, plan: Plan, bench: Bench, catalogue: Catalogue) -> None:
        self._plan = plan
        self._bench = bench
        self._catalogue = catalogue
        self._again: list[Check] = []

    async def judge(self, openings: Sequence[Conversation]) -> None:
        """Run every check that binds, then every monitor."""
        checks = [check for check in all_checks() if self._plan.wants(check.id) and self._rows(check.requirements)]
        watches = [watch for watch in all_monitors() if self._plan.wants(watch.id) and self._rows(watch.requirements)]
        self._plan.started(self._bench.revision, len(checks) + len(watches))
        with anyio.move_on_after(self._plan.patience.run) as deadline:
            await self._run_all(checks)
        if deadline.cancelled_caught:
            self._block(self._pending, "the deadline of the run was reached (--deadline)")
        conversations = [*(item for item in openings if self._spoke(item)), *self._bench.conversations]
        for watch in watches:
            self._emit(watch, _monitor(watch, conversations))

    def _spoke(self, conversation: Conversation) -> bool:
        return conversation.revision is None

    def _rows(self, identifiers: Iterable[str]) -> list[Requirement]:
        return self._catalogue.binding(identifiers, self._bench.revision, self._bench.target.transport)

    async def _run_all(self, checks: list[Check]) -> None:
        self._pending = list(checks)
        async with AsyncExitStack() as stack:
            try:
                shared = await stack.enter_async_context(self._bench.opened("shared"))
                await gather(shared)
            except (Mismatch, TargetNotStarted) as error:
                self._block(self._pending, f"the handshake failed the second time: {error}")
                return
            bound = []
            for check in checks:
                reason = self._undeclared(check, shared)
                if reason is None:
                    bound.append(check)
                else:
                    self._emit(check, Judged("inapplicable", reason))
            async with anyio.create_task_group() as lanes:
                lanes.start_soon(self._run_shared, shared, _of(bound, Sharing.SHARED))
                lanes.start_soon(self._run_alone, _of(bound, Sharing.ALONE))
                lanes.start_soon(self._run_own, _of(bound, Sharing.FRESH, Sharing.UNOPENED))
        for check in self._again:
            await self._run_once(check)

    def _undeclared(self, check: Check, peer: Peer) -> str | None:
        """Return why a check does not bind a target that declares what this one does, or None."""
        needs = {row.requires for row in self._rows(check.requirements)}
        missing = sorted(need for need in needs if need and not declares(peer.capabilities, need))
        return None if None in needs or not missing else f"the target does not declare {' or '.join(missing)}"

    # Lanes ----------------------------------------------------------------------------------------

    async def _run_shared(self, peer: Peer, checks: list[Check]) -> None:
        limiter = anyio.CapacityLimiter(_TOGETHER)

        async def one(check: Check) -> None:
            async with limiter:
                judged = await self._attempt(check, peer)
            if judged.mismatch is not None:
                self._again.append(check)
            else:
                self._emit(check, judged)

        async with anyio.create_task_group() as tasks:
            for check in checks:
                tasks.start_soon(one, check)

    async def _run_alone(self, checks: list[Check]) -> None:
        stack = AsyncExitStack()
        peer: Peer | None = None
        try:
            for check in checks:
                if peer is None:
                    try:
                        peer = await stack.enter_async_context(self._bench.opened("alone"))
                    except (Mismatch, TargetNotStarted) as error:
                        self._emit(check, Judged("blocked", str(error), cause="lifecycle.opening"))
                        continue
                judged = await self._attempt(check, peer)
                self._emit(check, judged)
                if judged.outcome == "failed":
                    # What the next check would find on this connection may be this one's doing.
                    peer = None
                    await stack.aclose()
        finally:
            await stack.aclose()

    async def _run_own(self, checks: list[Check]) -> None:
        limiter = anyio.CapacityLimiter(_PROCESSES)

        async def one(check: Check) -> None:
            async with limiter:
                await self._run_once(check)

        async with anyio.create_task_group() as tasks:
            for check in checks:
                tasks.start_soon(one, check)

    async def _run_once(self, check: Check) -> None:
        """Run a check on a connection of its own."""
        opening = self._bench.unopened if check.sharing is Sharing.UNOPENED else self._bench.opened
        try:
            async with opening(check.id) as peer:
                judged = await self._attempt(check, peer)
        except (Mismatch, TargetNotStarted) as error:
            judged = Judged("blocked", f"no connection could be opened: {error}", cause="lifecycle.opening")
        self._emit(check, judged)

    # Verdicts -------------------------------------------------------------------------------------

    async def _attempt(self, check: Check, peer: Peer) -> Judged:
        started = time.perf_counter()
        owner.set(check.id)
        try:
            with anyio.fail_after(self._plan.patience.check):
                await check.body(peer)
            judged = Judged("passed")
        except Mismatch as mismatch:
            judged = Judged("failed", mismatch=mismatch, conversation=peer.conversation)
        except Inapplicable as error:
            judged = Judged("inapplicable", error.reason)
        except Blocked as error:
            judged = Judged("blocked", error.reason)
        except TimeoutError:
            judged = Judged("blocked", f"not done within {self._plan.patience.check:g} s (--patience makes it longer)")
        except Exception as error:  # noqa: BLE001 - design: whatever a check raises besides is our own fault
            judged = Judged("broken", f"{type(error).__name__}: {error}")
        seconds = round(time.perf_counter() - started, 4)
        return Judged(judged.outcome, judged.summary, judged.mismatch, judged.cause, judged.conversation, seconds)

    def _emit(self, what: Check | Monitor, judged: Judged) -> None:
        if isinstance(what, Check):
            self._pending.remove(what)
        rows = self._rows(what.requirements)
        self._plan.emit(verdict(what, rows, self._bench.revision, self._bench.target, judged))

    def _block(self, checks: list[Check], reason: str) -> None:
        for check in list(checks):
            self._emit(check, Judged("blocked", reason, cause=reason))


def _of(checks: list[Check], *sharing: Sharing) -> list[Check]:
    return [check for check in checks if check.sharing in sharing]


def declares(capabilities: object, path: str) -> bool:
    """Whether capabilities hold a path such as "tools" or "resources.subscribe" (a leaf that is false does not)."""
    for step in path.split("."):
        if not isinstance(capabilities, dict) or step not in capabilities:
            return False
        capabilities = capabilities[step]
    return capabilities is not False and capabilities is not None


def _monitor(watch: Monitor, conversations: Iterable[Conversation]) -> Judged:
    """Run a monitor over every conversation; the first thing that it finds wrong is the failure."""
    judged = 0
    try:
        for conversation in conversations:
            for mismatch in watch.body(conversation):
                if mismatch is not None:
                    return Judged("failed", mismatch=mismatch, conversation=conversation)
                judged += 1
    except Exception as error:  # noqa: BLE001 - design: a fault of a monitor is our own
        return Judged("broken", f"{type(error).__name__}: {error}")
    return Judged("passed") if judged else Judged("blocked", "no traffic of that kind was seen")
