"""The judgement of one target at one revision: every check that binds, then every monitor, each with one verdict.

A check that fails on a connection it did not have for itself is run again alone, on a new connection, before it is
believed: the fault of one check, or of our own haste, is not another's failure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, nullcontext, suppress
from typing import Any

import anyio

from conformance.attempt import THROTTLED, attempt, run_monitor
from conformance.bench import Bench, NotSpoken
from conformance.capabilities import declares
from conformance.catalogue import Requirement
from conformance.check import Check, Monitor, Sharing
from conformance.expect import Mismatch
from conformance.leases import Need
from conformance.links import Flooded, Gone, Silence, Throttled
from conformance.peer import Peer
from conformance.suite import Suite
from conformance.surface import gather
from conformance.transcript import Conversation
from conformance.verdicts import Judged, Place, verdict
from conformance.vitals import Vitals, end_of
from reference_impl.transports.stdio import TargetNotStarted
from reports.records import Verdict

__all__ = ["Judge"]

_TOGETHER = 16
"""Checks that speak on one shared connection at the same time."""
_PROCESSES, _SESSIONS = 3, 6
"""Connections of their own that checks may hold at the same time: processes to start, and those to one that runs."""
_FIRST = 0.6
"""The part of a short time after which checks that go on are left, so that those that failed can be confirmed."""
_RETURN = 0.3
"""Seconds in which who confirms a failure waits for a process that another such check uses: a start takes longer."""
_SPARE = 2
"""Connections that are kept for a check that ends one: to end, and to end again if that fails."""
_OWN = {Sharing.FRESH: Need.NEW, Sharing.UNOPENED: Need.UNOPENED, Sharing.OUTSIDE: Need.UNOPENED}
"""What those need who have a connection for themselves."""


class Judge:
    """Judges what is said on one bench by the checks of one suite. `emit` takes each verdict as it falls.

    `lost` says how the target, which had opened a conversation before, did not open the first one of the checks.
    """

    def __init__(self, bench: Bench, suite: Suite, emit: Callable[[Verdict], None]) -> None:
        self.lost: str | None = None
        self._bench = bench
        self._suite = suite
        self._emit_verdict = emit
        self._pending: list[Check] = []
        self._again: list[Check] = []
        self._cut = False
        self._leases = bench.leases
        self._vitals = Vitals(bench)

    async def run(self) -> None:
        """Run the checks, within the deadline of the run; what it leaves undone is blocked."""
        self._pending = list(self._suite.checks)
        with anyio.move_on_after(self._bench.patience.run) as deadline:
            await self._run_all()
        if deadline.cancelled_caught or self._cut:
            told = "--deadline" if math.isinf(self._bench.patience.whole) else "--profile"
            self._block(f"the deadline of the run was reached ({told})")

    async def run_outside(self, reason: str) -> bool:
        """Run the checks that need not be let in; block all others, and return whether there are any."""
        self._pending = list(self._suite.checks)
        with anyio.move_on_after(self._bench.patience.run):
            await self._side_by_side_own(self._run_own, _of(self._pending, Sharing.OUTSIDE))
            await self._side_by_side_own(self._confirm, self._again)
        shut_out = bool(self._pending or self._suite.monitors)
        self._block(reason)
        for monitor in self._suite.monitors:
            self._emit(monitor, Judged("blocked", reason, cause=reason))
        return shut_out

    def watch(self, conversations: list[Conversation]) -> None:
        """Let the monitors judge transcripts."""
        held = [conversation.capabilities for conversation in conversations]
        for monitor in self._suite.monitors:
            undeclared = self._undeclared(monitor, held)
            judged = run_monitor(monitor, conversations) if undeclared is None else Judged("inapplicable", undeclared)
            self._emit(monitor, judged)

    async def _run_all(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                try:
                    lease = await stack.enter_async_context(self._leases.first("shared"))
                except (Mismatch, TargetNotStarted) as error:
                    self._lose(error)
                    return
                bound = await self._run_lanes(lease.peer)
                await self._side_by_side_own(self._confirm, self._again)
                lease.fit = True
            ending = _of(bound, Sharing.ENDING)
            if self._bench.target.transport == "stdio":
                await self._side_by_side_own(self._run_last_there, _of(bound, Sharing.LAST))
                self._leases.dismiss(_SPARE * len(ending))
            await self._side_by_side_own(self._end, ending)
        finally:
            await self._leases.aclose()
        for check in _of(self._pending, Sharing.LAST):
            await self._run_last(check)

    async def _run_lanes(self, shared: Peer) -> list[Check]:
        """Run what runs side by side; return all checks that bind."""
        await gather(shared)
        bound = [check for check in self._suite.checks if self._binds(check, shared)]
        patience = self._bench.patience
        with anyio.move_on_after(math.inf if math.isinf(patience.whole) else _FIRST * patience.run) as first:
            async with anyio.create_task_group() as lanes:
                lanes.start_soon(self._run_shared, shared, _of(bound, Sharing.SHARED))
                lanes.start_soon(self._run_alone, _of(bound, Sharing.ALONE))
                lanes.start_soon(self._run_for_themselves, bound)
        self._cut = first.cancelled_caught
        for check in _of(bound, Sharing.AFTER):
            await self._run_shared(shared, [check])
        self._vitals.note_end(shared)
        return bound

    def _lose(self, error: Exception) -> None:
        """Judge a target that opened one conversation and no second: that is the finding, and blocks all else."""
        self.lost = (
            f"the target does not speak {self._bench.revision}: it answered with {error.actual}"
            if isinstance(error, NotSpoken)
            else f"the handshake worked once, and then failed: {error}"
        )
        for check in _of(self._pending, Sharing.LAST):
            if self._ungated(check):
                self._emit(check, self._unusable(error))
        self._block(self.lost)

    def _requirements(self, what: Check | Monitor) -> list[Requirement]:
        bench = self._bench
        return self._suite.catalogue.binding(what.requirements, bench.revision, bench.target.transport)

    def _ungated(self, check: Check) -> bool:
        return any(row.requires is None for row in self._requirements(check))

    def _binds(self, check: Check, peer: Peer) -> bool:
        """Whether a check is for the target; if not, a verdict says why."""
        reason = self._undeclared(check, [peer.capabilities]) or check.excuse(self._bench)
        if reason is not None:
            self._emit(check, Judged("inapplicable", reason))
        return reason is None

    def _undeclared(self, what: Check | Monitor, held: list[dict[str, Any]]) -> str | None:
        """Say which capabilities all requirements hang on that none of those held has; None where one binds."""
        needs = {row.requires for row in self._requirements(what)}
        if None in needs or any(declares(capabilities, need) for capabilities in held for need in needs if need):
            return None
        return f"the target does not declare {' or '.join(sorted(need for need in needs if need))}"

    # Lanes ----------------------------------------------------------------------------------------

    async def _run_shared(self, peer: Peer, checks: list[Check]) -> None:
        limiter = anyio.CapacityLimiter(_TOGETHER)
        stuck = False

        async def one(check: Check) -> None:
            nonlocal stuck
            async with nullcontext() if self._waits(check) else limiter:
                if stuck:
                    self._again.append(check)
                    return
                judged = await attempt(check, peer)
                stuck = stuck or (isinstance(judged.mismatch, Silence) and not await _answers(peer))
            self._take(check, judged, peer)

        await _side_by_side(one, checks)

    def _waits(self, check: Check) -> bool:
        """Whether a check spends its time waiting: for nothing to come, or for tasks to end that others wait for."""
        return (
            check.waits
            or check.id.startswith("tasks.")
            or any((row.requires or "").startswith("tasks") for row in self._requirements(check))
        )

    async def _run_alone(self, checks: list[Check]) -> None:
        while checks:
            checks = await self._run_row(checks)

    async def _run_row(self, checks: list[Check]) -> list[Check]:
        """Run checks on one connection until one spoils it; return those that are left."""
        first, *left = checks
        judged = self._vitals.given_up()
        if judged is None:
            try:
                async with self._leases.lease("alone", Need.UNTOUCHED) as lease:
                    self._vitals.note_opened()
                    # What it says is its own doing: nobody else said anything wrong on this connection.
                    judged = await attempt(first, lease.peer)
                    self._take(first, judged, None)
                    last = judged
                    while left and not _spoiled(last, lease.peer):
                        check = left.pop(0)
                        last = await attempt(check, lease.peer)
                        self._take(check, last, lease.peer)
                    lease.fit = not _spoiled(last, lease.peer)
            except (Mismatch, TargetNotStarted) as error:
                judged = self._vitals.not_opened(error)
                self._take(first, judged, None)
        else:
            self._take(first, judged, None)
        await self._vitals.examine(judged)
        return left

    async def _side_by_side_own(self, run: Callable[[Check], Coroutine[Any, Any, None]], checks: list[Check]) -> None:
        """Run checks that have connections for themselves, few at a time."""
        limiter = anyio.CapacityLimiter(_PROCESSES if self._bench.target.transport == "stdio" else _SESSIONS)

        async def one(check: Check) -> None:
            async with limiter:
                await run(check)

        await _side_by_side(one, checks)

    async def _run_for_themselves(self, bound: list[Check]) -> None:
        """Run the checks that have connections for themselves.

        Where those are processes, they come first who open them: they bring handshakes to an end, and hand them on.
        """
        new, unopened = _of(bound, Sharing.FRESH), _of(bound, Sharing.UNOPENED, Sharing.OUTSIDE)
        in_turn = [unopened, new] if self._bench.target.transport == "stdio" else [[*new, *unopened]]
        for checks in in_turn:
            await self._side_by_side_own(self._run_own, checks)

    async def _run_own(self, check: Check) -> None:
        judged = await self._once(check, _OWN[check.sharing])
        await self._vitals.examine(judged)
        self._take(check, self._vitals.excused(judged), None)

    async def _confirm(self, check: Check) -> None:
        """Run a check again on a connection of its own, and believe it."""
        judged = await self._once(check, _OWN.get(check.sharing, Need.UNTOUCHED), _RETURN)
        await self._vitals.examine(judged)
        self._emit(check, self._vitals.excused(judged))

    async def _end(self, check: Check) -> None:
        """Let a check end a connection that has served its time; if that fails, one that hardly was used."""
        judged = await self._once(check, Need.ANY)
        if judged.outcome == "failed" or judged.unserved:
            await self._confirm(check)
        else:
            self._emit(check, judged)

    async def _once(self, check: Check, need: Need, soon: float = 0.0) -> Judged:
        """Run a check on a connection that nobody else uses meanwhile."""
        if (judged := self._vitals.given_up()) is None:
            try:
                async with self._leases.lease(check.id, need, soon) as lease:
                    self._vitals.note_opened()
                    judged = await attempt(check, lease.peer)
                    # An answer that is wrong is no sign that later ones will be; which use may have it, leases tell.
                    hurt = judged.late or isinstance(judged.mismatch, Silence | Gone | Flooded)
                    over = check.sharing is Sharing.ENDING or end_of(lease.peer) is not None
                    lease.fit = not hurt and not over
            except (Mismatch, TargetNotStarted) as error:
                judged = self._vitals.not_opened(error)
        if isinstance(judged.mismatch, Gone):
            self._vitals.death = None
        return judged

    async def _run_last_there(self, check: Check) -> None:
        """Run such a check in a process that has served; where that will not do, the one way that is left is anew."""
        with suppress(Mismatch, TargetNotStarted):
            async with self._leases.lease(check.id, Need.ANY) as lease:
                judged = await attempt(check, lease.peer)
                lease.fit = judged.outcome == "passed"
            if lease.fit and self._vitals.death is None:
                self._emit(check, judged)

    async def _run_last(self, check: Check) -> None:
        """Run a check for which a target that died, or cannot be opened any more, is the failure."""
        try:
            async with self._bench.opened(check.id) as peer:
                judged = await attempt(check, peer)
        except (Mismatch, TargetNotStarted) as error:
            judged = self._unusable(error)
        if judged.outcome == "passed" and self._vitals.death is not None:
            shared = next(item for item in self._bench.conversations if item.purpose == "shared")
            judged = Judged("failed", mismatch=self._vitals.death, conversation=shared)
        self._emit(check, judged)

    # Verdicts -------------------------------------------------------------------------------------

    def _take(self, check: Check, judged: Judged, shared: Peer | None) -> None:
        """Emit what became of a check, or put it off to be run again alone, if others may be to blame for it.

        `shared` is its peer if others use or used it. A flood may be nobody's doing: the end of the lanes tells; so may
        the end of a connection of HTTP be, on which a server with little patience waited for a client in need of time.
        """
        over_http = self._bench.target.transport == "http"
        doubtful = isinstance(judged.mismatch, Gone if over_http else Flooded)
        if shared is not None and not judged.late:
            cut_off = judged.outcome == "blocked" and end_of(shared) is not None
            doubtful = judged.outcome == "failed" or judged.unserved or cut_off
        if doubtful:
            self._again.append(check)
        else:
            self._emit(check, judged)

    def _unusable(self, error: Exception) -> Judged:
        if isinstance(error, Throttled):
            return Judged("blocked", f"{THROTTLED}: {error.actual}")
        if isinstance(error, NotSpoken):
            return Judged("blocked", self.lost or "", cause=self.lost or "")
        mismatch = error if isinstance(error, Mismatch) else Mismatch("a target that can be started again", str(error))
        return Judged("failed", mismatch=mismatch, conversation=self._bench.conversations[-1])

    def _emit(self, what: Check | Monitor, judged: Judged) -> None:
        if isinstance(what, Check):
            self._pending.remove(what)
        bench = self._bench
        place = Place(bench.target, bench.revision, bench.surface.permission.allowed)
        self._emit_verdict(verdict(what, self._requirements(what), place, judged))

    def _block(self, reason: str) -> None:
        for check in list(self._pending):
            self._emit(check, Judged("blocked", reason, cause=reason))


def _of(checks: Iterable[Check], *sharing: Sharing) -> list[Check]:
    return [check for check in checks if check.sharing in sharing]


async def _side_by_side(run: Callable[[Check], Coroutine[Any, Any, None]], checks: list[Check]) -> None:
    async with anyio.create_task_group() as tasks:
        for check in sorted(checks, key=lambda check: not check.waits):
            tasks.start_soon(run, check)


async def _answers(peer: Peer) -> bool:
    try:
        await peer.fence()
    except Mismatch:
        return False
    return True


def _spoiled(judged: Judged, peer: Peer) -> bool:
    """Whether what the next check would find on this connection may be this one's doing."""
    return judged.outcome == "failed" or judged.late or end_of(peer) is not None
