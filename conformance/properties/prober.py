"""Keeps a conversation open for cases that come from another thread, and opens a new one when the target has died.

Hypothesis is synchronous and runs in a worker thread; the peers live in the event loop. Each case crosses over once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack
from dataclasses import replace

import anyio

from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.links import Gone, Silence, Throttled
from conformance.peer import Peer
from conformance.properties.case import Case
from conformance.properties.families import try_together
from conformance.properties.machines.seats import NotOpened
from conformance.properties.machines.stage import Stage
from conformance.properties.oracle import try_case
from conformance.transcript import Entry, owner
from reference_impl.transports.stdio import TargetNotStarted

__all__ = ["Abandoned", "Prober", "TargetLost"]

_LEAST = 0.25
_TIMES_SLOWEST = 20
"""A silence that is being shrunk lasts that many times the slowest case so far, and `_LEAST` seconds at least."""

_MOST = 32
_AT_ONCE = 0.1
"""Cases that are tried together at most, and seconds that they should take together."""
_LONGER = 4
"""How many times as long as the slowest so far each of several may take; twice the patience for one at most."""

_FAILURES = 4
"""Openings in a row that may fail before the target is given up."""
_LOOK_UP = 0.2
"""Seconds after which a thread that waits for its case sees whether it still matters."""


class TargetLost(Exception):  # noqa: N818 - the name says what happened
    """The target cannot be opened any more."""


class Abandoned(BaseException):
    """Nobody waits for the search any more, or it can go no further. No `Exception`: Hypothesis would shrink it."""


class Prober:
    """Tries cases, one at a time or several together.

    `wire` is what went over the wire in the last case that failed, which is `culprit`, `reaction` in what was tried
    last and did not; `lost` says how the target could not be opened any more. Made in the event loop in which its cases
    are tried.
    """

    def __init__(self, bench: Bench, who: str) -> None:
        self.wire: list[Entry] = []
        self.reaction: list[Entry] = []
        self.tried = 0
        self.culprit: Case | None = None
        self.lost: str | None = None
        self._loop = asyncio.get_running_loop()
        self._flying: asyncio.Task[None] | None = None
        self._grounded = anyio.Event()
        self._abandoned = False
        self._bench = bench
        self._who = who
        self._patience = bench.patience
        self._slowest = 0.0
        self._each: float | None = None
        self._most = _MOST
        self._stack = AsyncExitStack()
        self._peer: Peer | None = None
        self._stage = Stage(bench, who)
        self._used: set[tuple[type, str | int]] = set()

    def try_from_thread(self, *cases: Case) -> None:
        """Try a case, or several together, from another thread. Raises `Mismatch`, whose case is then `culprit`, or
        `Abandoned` if there is no point in going on."""
        if self._abandoned or self.lost is not None:
            raise Abandoned
        flying = asyncio.run_coroutine_threadsafe(self._fly(cases), self._loop)
        try:
            self._land(flying)
        except (CancelledError, TargetLost):
            raise Abandoned from None

    def _land(self, flying: Future[None]) -> None:
        """Wait for a case, but not for one whose event loop has gone."""
        while not self._abandoned:
            try:
                return flying.result(_LOOK_UP)
            except TimeoutError:
                if flying.done():
                    raise
        raise Abandoned

    async def _fly(self, cases: Sequence[Case]) -> None:
        if self._abandoned:
            return
        self._flying, self._grounded = asyncio.current_task(), anyio.Event()
        try:
            if len(cases) == 1:
                await self.try_case(cases[0])
            else:
                await self._try_family(cases)
        finally:
            self._flying = None
            self._grounded.set()

    async def abandon(self) -> None:
        """Let the thread that tries cases come to its end, and wait for what is left of the case under way."""
        self._abandoned = True
        if self._flying is not None:
            self._flying.cancel()
            with anyio.CancelScope(shield=True):
                await self._grounded.wait()

    async def try_case(self, case: Case) -> None:
        """Try a case. Raises `Mismatch` or `TargetLost`; a target that died or hung gets a new conversation."""
        owner.set(self._who)
        if case.steps:
            await self._play(case)
            return
        peer = self._peer or await self._open()
        start = len(peer.conversation.entries)
        self.tried += 1
        began = time.perf_counter()
        try:
            await try_case(peer, self._with_new_id(case))
        except Throttled as limit:
            self.lost = str(limit)
            raise TargetLost(self.lost) from None
        except Mismatch as mismatch:
            self.wire = peer.conversation.entries[start:]
            self.culprit = case
            self._hasten(mismatch)
            if isinstance(mismatch, Gone | Silence):
                await self.close()
            raise
        self._took(time.perf_counter() - began, 1)
        self._react(peer, start)

    async def _try_family(self, cases: Sequence[Case]) -> None:
        """Try cases together; where that goes wrong, each by itself, on a new conversation."""
        peer = self._peer or await self._open()
        start = len(peer.conversation.entries)
        began = time.perf_counter()
        answer = self._patience.answer
        timeout = answer + min(answer, _LONGER * self._slowest * len(cases))
        owner.set(self._who)
        try:
            suspects = await try_together(peer, [self._with_new_id(case) for case in cases], timeout)
        except Throttled as limit:
            self.lost = str(limit)
            raise TargetLost(self.lost) from None
        if not suspects:
            self.tried += len(cases)
            self._took(time.perf_counter() - began, len(cases))
            self._react(peer, start)
            return
        await self.close()
        for case in suspects:
            if case.kin is None or case.kin.holds():
                await self.try_case(case)
        # None is to blame: so many at a time are too many for it.
        self._most //= 2

    @property
    def together(self) -> int:
        """Cases that may be tried together: as many as take no time to speak of, by the last that were."""
        if self._each is None:
            return 1
        return max(1, min(self._most, int(_AT_ONCE / max(self._each, 1e-6))))

    def _took(self, seconds: float, cases: int) -> None:
        self._each = seconds / cases
        self._slowest = max(self._slowest, self._each)

    def _react(self, peer: Peer, start: int) -> None:
        self.reaction = peer.conversation.entries[start:]
        # A long search would fill memory with transcripts that nobody asks for.
        peer.conversation.entries.clear()
        peer.heard.clear()

    async def _play(self, case: Case) -> None:
        """Play the steps of a case, on conversations of their own."""
        self.tried += 1
        began = time.perf_counter()
        try:
            await self._stage.play(case.steps, self._patience)
        except (Throttled, NotOpened) as lost:
            self.lost = str(lost)
            raise TargetLost(self.lost) from None
        except Mismatch as mismatch:
            self.wire = self._stage.wire
            self.culprit = case
            self._hasten(mismatch)
            raise
        self._took(time.perf_counter() - began, 1)

    def _hasten(self, mismatch: Mismatch) -> None:
        """Wait less from now on, after a first silence: shrinking it would take one whole patience for each step.

        What is found in haste is confirmed with the full patience, on a fresh connection.
        """
        if isinstance(mismatch, Silence):
            enough = max(_LEAST, _TIMES_SLOWEST * self._slowest)
            self._patience = replace(self._patience, answer=min(self._patience.answer, enough))

    def _with_new_id(self, case: Case) -> Case:
        """Return the case with an id that the conversation has not seen: a session uses none twice (`basic#requests`).

        Hypothesis likes to draw the same id again; another one of the same kind serves as well.
        """
        if not case.asks:
            return case
        first = identifier = case.message["id"]
        step = len(self._used)
        while (type(identifier), identifier) in self._used:
            # Towards zero: beyond 2**53 a target in JavaScript could not tell our ids apart.
            nearer = -step if isinstance(first, int) and first > 0 else step
            identifier = first + nearer if isinstance(first, int) else f"{first}-{step}"
            step += 1
        self._used.add((type(identifier), identifier))
        return replace(case, message={**case.message, "id": identifier})

    async def _open(self) -> Peer:
        for attempt in range(_FAILURES):
            try:
                self._peer = await self._stack.enter_async_context(self._bench.opened(self._who))
            except (Mismatch, TargetNotStarted) as error:
                await self.close()
                if attempt == _FAILURES - 1:
                    self.lost = str(error)
                    raise TargetLost(self.lost) from None
            else:
                # It runs by now: no case has to wait for its start.
                self._peer.patience = replace(self._patience, start=self._patience.answer)
                return self._peer
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """End the conversation; the next case opens a new one."""
        self._peer = None
        self._used.clear()
        await self._stage.close()
        await self._stack.aclose()
