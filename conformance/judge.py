"""The judgement of one target at one revision: every check that binds, then every monitor, each with one verdict.

The one place where any exception becomes an outcome. A check that fails on a connection it shared is run again alone,
on a new connection, before it is believed: the fault of one check, or of our own haste, is not another's failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any

import anyio

from conformance.bench import Bench
from conformance.catalogue import Requirement
from conformance.catalogue import load as load_catalogue
from conformance.check import Check, Monitor, Sharing
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.links import Gone
from conformance.peer import Peer
from conformance.surface import gather
from conformance.transcript import Conversation, owner
from conformance.verdicts import Judged, verdict
from reference_impl.transports.stdio import TargetNotStarted
from reports.records import Verdict

__all__ = ["Judge", "declares", "run_monitor"]

_TOGETHER = 8
"""Checks that speak on one shared connection at the same time."""
_PROCESSES = 2
"""Connections of their own that checks may hold at the same time."""
_LOST = "the target could not be opened any more"


class Judge:
    """Judges what is said on one bench. `emit` takes each verdict as it falls."""

    def __init__(self, bench: Bench, emit: Callable[[Verdict], None]) -> None:
        self._bench = bench
        self._emit_verdict = emit
        self._catalogue = load_catalogue()
        self._pending: list[Check] = []
        self._again: list[Check] = []
        self._death: Gone | None = None
        """How the shared conversation ended, if the target ended it and no check is to blame."""

    def binding(self, identifiers: Iterable[str]) -> list[Requirement]:
        """Return those of the named requirements that bind here, strongest first."""
        return self._catalogue.binding(identifiers, self._bench.revision, self._bench.target.transport)

    async def run(self, checks: list[Check]) -> None:
        """Run the checks, within the deadline of the run; what it leaves undone is blocked."""
        self._pending = list(checks)
        with anyio.move_on_after(self._bench.patience.run) as deadline:
            await self._run_all(checks)
        if deadline.cancelled_caught:
            self._block("the deadline of the run was reached (--deadline)")

    def watch(self, monitors: Iterable[Monitor], conversations: list[Conversation]) -> None:
        """Let monitors judge transcripts."""
        held = [conversation.capabilities for conversation in conversations]
        for monitor in monitors:
            undeclared = self._undeclared(monitor, held)
            judged = run_monitor(monitor, conversations) if undeclared is None else Judged("inapplicable", undeclared)
            self._emit(monitor, judged)

    async def _run_all(self, checks: list[Check]) -> None:
        async with AsyncExitStack() as stack:
            try:
                shared = await stack.enter_async_context(self._bench.opened("shared"))
                await gather(shared)
            except (Mismatch, TargetNotStarted) as error:
                self._block(f"the handshake worked once, and then failed: {error}")
                return
            bound = [check for check in checks if self._binds(check, shared)]
            async with anyio.create_task_group() as lanes:
                lanes.start_soon(self._run_shared, shared, _of(bound, Sharing.SHARED))
                lanes.start_soon(self._run_alone, _of(bound, Sharing.ALONE))
                lanes.start_soon(self._run_own, _of(bound, Sharing.FRESH, Sharing.UNOPENED))
            if not shared.over_http and shared.stream.gone is not None:
                self._death = Gone("a target that serves until its input ends", shared.stream.gone)
        for check in self._again:
            await self._run_once(check)
        for check in _of(bound, Sharing.LAST):
            await self._run_last(check)

    def _binds(self, check: Check, peer: Peer) -> bool:
        """Whether the target declares what the check's requirements hang on; says so in a verdict if not."""
        undeclared = self._undeclared(check, [peer.capabilities])
        if undeclared is not None:
            self._emit(check, Judged("inapplicable", undeclared))
        return undeclared is None

    def _undeclared(self, what: Check | Monitor, held: list[dict[str, Any]]) -> str | None:
        """Say which capabilities all requirements hang on that none of those held has; None where one binds."""
        needs = {row.requires for row in self.binding(what.requirements)}
        if None in needs or any(declares(capabilities, need) for capabilities in held for need in needs if need):
            return None
        return f"the target does not declare {' or '.join(sorted(need for need in needs if need))}"

    # Lanes ----------------------------------------------------------------------------------------

    async def _run_shared(self, peer: Peer, checks: list[Check]) -> None:
        limiter = anyio.CapacityLimiter(_TOGETHER)

        async def one(check: Check) -> None:
            async with limiter:
                judged = await self._attempt(check, peer)
            if judged.outcome == "failed":
                self._again.append(check)
            else:
                self._emit(check, judged)

        await _side_by_side(one, checks)

    async def _run_alone(self, checks: list[Check]) -> None:
        async with AsyncExitStack() as stack:
            peer: Peer | None = None
            for check in checks:
                if peer is None:
                    try:
                        peer = await stack.enter_async_context(self._bench.opened("alone"))
                    except (Mismatch, TargetNotStarted) as error:
                        self._emit(check, _unopened(error))
                        continue
                judged = await self._attempt(check, peer)
                self._emit(check, judged)
                if judged.outcome == "failed":
                    # What the next check would find on this connection may be this one's doing.
                    peer = None
                    await stack.aclose()

    async def _run_own(self, checks: list[Check]) -> None:
        limiter = anyio.CapacityLimiter(_PROCESSES)

        async def one(check: Check) -> None:
            async with limiter:
                await self._run_once(check)

        await _side_by_side(one, checks)

    async def _run_once(self, check: Check) -> None:
        """Run a check on a connection of its own."""
        opening = self._bench.unopened if check.sharing is Sharing.UNOPENED else self._bench.opened
        try:
            async with opening(check.id) as peer:
                judged = await self._attempt(check, peer)
        except (Mismatch, TargetNotStarted) as error:
            judged = _unopened(error)
        if isinstance(judged.mismatch, Gone):
            self._death = None
        self._emit(check, judged)

    async def _run_last(self, check: Check) -> None:
        """Run a check for which a target that died, or cannot be opened any more, is the failure."""
        try:
            async with self._bench.opened(check.id) as peer:
                judged = await self._attempt(check, peer)
        except Mismatch as mismatch:
            judged = Judged("failed", mismatch=mismatch, conversation=self._bench.conversations[-1])
        except TargetNotStarted as error:
            judged = Judged("failed", mismatch=Mismatch("a target that can be started again", str(error)))
        if judged.outcome == "passed" and self._death is not None:
            shared = next(item for item in self._bench.conversations if item.purpose == "shared")
            judged = Judged("failed", mismatch=self._death, conversation=shared)
        self._emit(check, judged)

    # Verdicts -------------------------------------------------------------------------------------

    async def _attempt(self, check: Check, peer: Peer) -> Judged:
        started = time.perf_counter()
        owner.set(check.id)
        judged = await self._outcome(check, peer)
        seconds = round(time.perf_counter() - started, 4)
        return Judged(judged.outcome, judged.summary, judged.mismatch, judged.cause, peer.conversation, seconds)

    async def _outcome(self, check: Check, peer: Peer) -> Judged:
        patience = self._bench.patience.check
        try:
            with anyio.fail_after(patience):
                await check.body(peer)
        except Mismatch as mismatch:
            return Judged("failed", mismatch=mismatch)
        except Inapplicable as error:
            return Judged("inapplicable", error.reason)
        except Blocked as error:
            return Judged("blocked", error.reason)
        except TimeoutError:
            return Judged("blocked", f"not done within {patience:g} s (--patience gives it longer)")
        except Exception as error:  # noqa: BLE001 - design: whatever else a check raises is our own fault
            return Judged("broken", f"{type(error).__name__}: {error}")
        return Judged("passed")

    def _emit(self, what: Check | Monitor, judged: Judged) -> None:
        if isinstance(what, Check):
            self._pending.remove(what)
        rows = self.binding(what.requirements)
        self._emit_verdict(verdict(what, rows, self._bench.revision, self._bench.target, judged))

    def _block(self, reason: str) -> None:
        for check in list(self._pending):
            self._emit(check, Judged("blocked", reason, cause=reason))


def _of(checks: list[Check], *sharing: Sharing) -> list[Check]:
    return [check for check in checks if check.sharing in sharing]


async def _side_by_side(run: Callable[[Check], Coroutine[Any, Any, None]], checks: list[Check]) -> None:
    async with anyio.create_task_group() as tasks:
        for check in checks:
            tasks.start_soon(run, check)


def _unopened(error: Exception) -> Judged:
    return Judged("blocked", f"{_LOST}: {error}", cause=_LOST)


def declares(capabilities: object, path: str) -> bool:
    """Whether capabilities hold a path such as "tools" or "resources.subscribe" (a leaf that is false does not)."""
    for step in path.split("."):
        if not isinstance(capabilities, dict) or step not in capabilities:
            return False
        capabilities = capabilities[step]
    return capabilities is not False and capabilities is not None


def run_monitor(monitor: Monitor, conversations: Iterable[Conversation]) -> Judged:
    """Run a monitor over every conversation; the first thing that it finds wrong is the failure."""
    judged, blocked = 0, "no traffic of that kind was seen"
    try:
        for conversation in conversations:
            try:
                for mismatch in monitor.body(conversation):
                    if mismatch is not None:
                        return Judged("failed", mismatch=mismatch, conversation=conversation)
                    judged += 1
            except Blocked as error:
                blocked = error.reason
    except Exception as error:  # noqa: BLE001 - design: a fault of a monitor is our own
        return Judged("broken", f"{type(error).__name__}: {error}")
    return Judged("passed") if judged else Judged("blocked", blocked)
