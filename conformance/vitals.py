"""Whether a target is still worth a connection, so that no check waits for what will not come.

A target that has died or hangs fails the first check that finds out; what comes after is blocked by it.
"""

from __future__ import annotations

from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.links import Flooded, Gone, Silence
from conformance.peer import Peer
from conformance.target import StdioTarget
from conformance.verdicts import Judged
from reference_impl.transports.stdio import TargetNotStarted

__all__ = ["Vitals", "end_of"]

_TRIES = 3
"""Connections in a row that may fail to open before no more are tried: each may take its whole deadline."""
_LOST = "the target could not be opened any more"


class Vitals:
    """What the connections to one target told of its health.

    `death` is how the shared conversation ended, if the target ended it and no check is to blame.
    """

    def __init__(self, bench: Bench) -> None:
        self.death: Gone | None = None
        self._bench = bench
        self._unopened = 0
        self._hopeless: str | None = None
        self._told = False

    def given_up(self) -> Judged | None:
        """Return the judgement of a check for which no connection is opened any more, or None."""
        if self._hopeless is not None:
            return Judged("blocked", self._hopeless, cause=self._hopeless)
        if self._unopened < _TRIES:
            return None
        return Judged("blocked", f"{_LOST}: {_TRIES} connections in a row failed", cause=_LOST)

    def note_opened(self) -> None:
        """Take that a connection was opened."""
        self._unopened = 0

    def not_opened(self, error: Exception) -> Judged:
        """Take that one was not; return the judgement of the check that wanted it."""
        self._unopened += 1
        return Judged("blocked", f"{_LOST}: {error}", cause=_LOST)

    def note_end(self, shared: Peer) -> None:
        """Take how the shared conversation stands when all that spoke on it have done."""
        end = end_of(shared)
        if end is None:
            return
        self.death = shared.stream.ended("a target that serves until its input ends")
        if isinstance(self.death, Flooded):
            # It would flood every further conversation too.
            self._hopeless = end

    async def examine(self, judged: Judged) -> None:
        """After a failure that is silence or a death, ask something cheap on a new connection: is it all there is?"""
        if self._hopeless is not None or not isinstance(judged.mismatch, Silence | Gone):
            return
        try:
            async with self._bench.opened("examination") as peer:
                await peer.fence()
        except (Mismatch, TargetNotStarted) as error:
            self._hopeless = f"the target serves no more, not even on a new connection: {error}"

    def excused(self, judged: Judged) -> Judged:
        """Return the judgement of a check that opened connections of its own, once it was examined.

        Where processes answer and a further one does not even start, what it was asked is not to blame: many programs
        run but once at a time, for a lock or a port. Of several that met the same end at the same time, one tells it.
        """
        alone = isinstance(self._bench.target, StdioTarget) and self._hopeless is not None
        if alone and isinstance(judged.mismatch, Gone) and self.death is None:
            reason = f"a further process of the target does not serve beside the first: {judged.mismatch.actual}"
            return Judged("blocked", reason, cause=_LOST, conversation=judged.conversation, seconds=judged.seconds)
        if self._hopeless is not None and isinstance(judged.mismatch, Silence | Gone):
            if self._told:
                return Judged("blocked", self._hopeless, cause=self._hopeless, seconds=judged.seconds)
            self._told = True
        return judged


def end_of(peer: Peer) -> str | None:
    """Return how the target ended a stream, or None while it has not; over HTTP each request stands for itself."""
    return None if peer.over_http else peer.stream.gone
