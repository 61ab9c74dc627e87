"""Checks of `client/roots#security-considerations` and `#implementation-guidelines`: roots that are gone, or change."""

from __future__ import annotations

from math import ceil

import anyio

from conformance.calling import succeeded
from conformance.check import check
from conformance.checks.fences import serves_after
from conformance.checks.server.asking import instead
from conformance.expect import Blocked, Mismatch, brief
from conformance.interviews import (
    ROOT,
    ROOTS,
    Interview,
    Reply,
    Respondent,
    everything_of,
    interview,
    interviewed,
    need_interviews,
    responding,
)
from conformance.links import Gone, Silence
from conformance.peer import Peer

_CHANGED = "notifications/roots/list_changed"
_AFTER = "file:///touchstone/after"
_GONE = "file:///touchstone-no-such-directory/deep/down"
_FAILED = {"error": {"code": -32603, "message": "The roots cannot be listed"}}
_LATEST, _PAUSE = 5.0, 0.1
"""Seconds that a server gets to ask for roots that have changed, and between two looks."""
_SEEN = 100_000


def _telling(*uris: str) -> Reply:
    return instead(ROOTS, {"roots": [{"uri": uri} for uri in uris]})


@check("roots.vanish", "roots.gone")
async def vanish(peer: Peer) -> None:
    """Roots that do not exist, none at all, or none that can be told, leave the server serving."""
    call = (await need_interviews(peer, ROOTS))[0].call
    respondent = Respondent(everything_of(peer.revision))
    async with responding(peer, respondent, alone=True) as other:
        for what, reply in _ways(peer):
            respondent.reply = reply
            if not peer.revision.modern:
                # A server may keep what it was told, until it hears of a change.
                await other.notify(_CHANGED)
            try:
                await interview(other, respondent, call)
            except (Silence, Gone) as lost:
                wanted = f"an answer of {call.tool['name']} for {what}"
                raise type(lost)(wanted, lost.actual, lost.entries) from None
            await serves_after(other, what)


def _ways(peer: Peer) -> list[tuple[str, Reply]]:
    ways: list[tuple[str, Reply]] = [("no roots", _telling()), ("a root that does not exist", _telling(_GONE))]
    # Since 2026-07-28 an answer to a question has no form for an error.
    return ways if peer.revision.modern else [*ways, ("an error for roots/list", lambda _question: _FAILED)]


@check("roots.changes", "roots.changed.handled")
async def changes(peer: Peer) -> None:
    """A server goes on after notifications/roots/list_changed, and works with the roots that hold then."""
    telling = [made for made in await interviewed(peer) if made.asks(ROOTS)] if peer.surface.tools else []
    respondent = Respondent(everything_of(peer.revision))
    async with responding(peer, respondent) as other:
        shows = bool(telling) and ROOT in await _told(other, respondent, telling[0])
        respondent.reply = _telling(_AFTER)
        await other.notify(_CHANGED)
        await serves_after(other, _CHANGED)
        if shows:
            await _expect_news(other, respondent, telling[0])


async def _expect_news(peer: Peer, respondent: Respondent, made: Interview) -> None:
    """Raise `Mismatch` if the root of before is shown, and no other, at every look until the last."""
    for _ in range(ceil(min(_LATEST, peer.patience.answer) / _PAUSE)):
        told = await _told(peer, respondent, made)
        if _AFTER in told or ROOT not in told:
            return
        await anyio.sleep(_PAUSE)
    raise Mismatch(f"{_AFTER}, the root that holds since {_CHANGED}", brief(told))


async def _told(peer: Peer, respondent: Respondent, made: Interview) -> str:
    """Return the text of what a call comes to. Raises `Blocked` if it fails."""
    outcome = (await interview(peer, respondent, made.call)).answer
    if not succeeded(outcome):
        raise Blocked(f"{made.call.tool['name']} does not succeed with other roots: {outcome.describe()}")
    return brief(outcome.result, limit=_SEEN)
