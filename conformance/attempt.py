"""One check on one peer, or one monitor on its transcripts: whatever happens becomes an outcome.

The one place where any exception does; nothing that a check or monitor raises goes further than this.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import anyio

from conformance.check import Check, Monitor
from conformance.expect import Blocked, Inapplicable, Mismatch, Unserved
from conformance.links import Throttled
from conformance.peer import Peer
from conformance.transcript import Conversation, owner
from conformance.verdicts import Judged

__all__ = ["THROTTLED", "attempt", "run_monitor"]

THROTTLED = "the target limits the rate of requests"


async def attempt(check: Check, peer: Peer) -> Judged:
    """Run a check on a peer, within the deadline of a check."""
    started = time.perf_counter()
    patience = peer.patience.check
    judged = Judged("blocked", f"not done within {patience:g} s (--patience gives it longer)", late=True)
    speaking = owner.set(check.id)
    try:
        with anyio.move_on_after(patience):
            judged = await _outcome(check, peer)
    finally:
        owner.reset(speaking)
    seconds = round(time.perf_counter() - started, 4)
    seen = judged.mismatch.seen if judged.mismatch is not None else None
    return replace(judged, conversation=seen or peer.conversation, seconds=seconds)


async def _outcome(check: Check, peer: Peer) -> Judged:
    try:
        await check.body(peer)
    except Exception as error:  # noqa: BLE001 - design: whatever else a check raises is our own fault
        return _of(error)
    return Judged("passed")


def _of(error: Exception) -> Judged:
    match error:
        case Throttled():
            return Judged("blocked", f"{THROTTLED}: {error.actual}")
        case Mismatch():
            return Judged("failed", mismatch=error)
        case Inapplicable(reason):
            return Judged("inapplicable", reason)
        case Blocked(reason):
            return Judged("blocked", reason, unserved=isinstance(error, Unserved))
        case ExceptionGroup(exceptions=several):
            # A check that did things side by side: the group around what they raised says nothing.
            return min(map(_of, several), key=lambda judged: _GRAVEST.index(judged.outcome))
    return _broken(error)


_GRAVEST = ("broken", "failed", "blocked", "inapplicable")


def _broken(error: Exception) -> Judged:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return Judged("broken", f"{type(error).__name__}: {error}{place}")


def run_monitor(monitor: Monitor, conversations: Iterable[Conversation]) -> Judged:
    """Run a monitor over every conversation; the first thing that it finds wrong is the failure."""
    judged, blocked, unbound = 0, "nothing of the kind was said, so there was nothing to judge", ""
    try:
        for conversation in conversations:
            try:
                for mismatch in monitor.body(conversation):
                    if mismatch is not None:
                        return Judged("failed", mismatch=mismatch, conversation=conversation)
                    judged += 1
            except Blocked as error:
                blocked = error.reason
            except Inapplicable as error:
                unbound = error.reason
    except Exception as error:  # noqa: BLE001 - design: a fault of a monitor is our own
        return _broken(error)
    if judged:
        return Judged("passed")
    return Judged("inapplicable", unbound) if unbound else Judged("blocked", blocked)
