"""Checks of ping, cancellation and progress."""

from __future__ import annotations

from functools import partial
from typing import Any

from conformance.check import Sharing, check
from conformance.checks.fences import request_of, serves_after
from conformance.expect import Blocked, Mismatch, brief, expect, expect_result
from conformance.links import Answer, Gone, Silence
from conformance.peer import Peer
from conformance.surface import ToolCall
from conformance.together import together
from conformance.transcript import Entry

_BRIEF = 0.4
_LONG = 1.0
"""Seconds that slow calls take. An argument that must be an integer makes every call a long one."""
_OVER_AT_ONCE = 0.2
"""Seconds below which a call may have ended before its cancellation could be read, whatever its tool is called."""
_TOO_SOON = 0.5
"""The share of a call's time in which it cannot have come to its end."""
_HELD_UP = 0.5
"""Seconds that a request waits below which the effect of a slow call cannot be told from chance."""


@check("utilities.ping", "ping.empty")
async def ping(peer: Peer) -> None:
    """A ping is answered with an empty result."""
    result = expect_result(await peer.request("ping"), "an empty result")
    expect(result.keys() <= {"_meta"}, "an empty result for ping", result)


@check(
    "utilities.cancellation.unknown",
    "cancellation.invalid-ignored",
    "cancellation.invalid-ignored-legacy",
    sharing=Sharing.ALONE,
)
async def cancel_unknown(peer: Peer) -> None:
    """A cancellation of an unknown request, and one that is malformed, are ignored."""
    await _ordinary_request(peer)
    await peer.notify("notifications/cancelled", {"requestId": "touchstone-never-sent", "reason": "a test"})
    await serves_after(peer, "a cancellation of an unknown request")
    await peer.tell({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": {}}}, "a bad id")
    await serves_after(peer, "a malformed cancellation")


@check(
    "utilities.cancellation.finished",
    "cancellation.race",
    "cancellation.finished-ignored",
    "cancellation.finished-ignored-legacy",
    sharing=Sharing.ALONE,
)
async def cancel_finished(peer: Peer) -> None:
    """A cancellation that comes after the response does no harm."""
    answer = await _ordinary_request(peer)
    await peer.notify("notifications/cancelled", {"requestId": answer.id})
    await serves_after(peer, "a cancellation of a request that was answered")


async def _ordinary_request(peer: Peer) -> Answer:
    """Ask what a client asks first. Some servers of both eras choose one only then, and would take a notification
    that came before for a sign of the other: the check of unknown notifications finds those."""
    lists = [f"{name}/list" for name in ("tools", "resources", "prompts") if name in peer.capabilities]
    return await peer.request(lists[0] if lists else peer.cheap_method)


@check("utilities.cancellation.running", "cancellation.race", sharing=Sharing.ALONE)
async def cancel_running(peer: Peer) -> None:
    """The connection works on after a running request was cancelled."""
    call = _slow_call(peer)
    await _start_and_cancel(peer, call)
    await serves_after(peer, "a cancellation of a running request")


@check(
    "utilities.cancellation.silence",
    "cancellation.nothing-further",
    "cancellation.server.no-response",
    "cancellation.no-response",
    sharing=Sharing.ALONE,
)
async def cancel_silence(peer: Peer) -> None:
    """Nothing more comes for a request after its cancellation was taken in."""
    call = _slow_call(peer)
    cancelled = await _start_and_cancel(peer, call)
    try:
        fence = await peer.fence()
        # A call of the same length that began later: when it is over, the cancelled one would have been.
        twin = await peer.request("tools/call", call.params)
    except (Gone, Silence):
        raise Blocked("the target serves no more after a cancellation") from None
    whole = twin.entry.at - request_of(peer, twin.id).at
    if whole < _OVER_AT_ONCE:
        raise Blocked(f"a call of {call.tool['name']} is over too soon to be cancelled: {whole:.3f} s")
    for entry in peer.heard:
        # One that comes between may have crossed the cancellation; if it came far too soon, it was caused by it.
        soon = entry.at - request_of(peer, cancelled).at < whole * _TOO_SOON
        if _answers(entry, cancelled) and (soon or entry.index > fence.entry.index):
            raise Mismatch("nothing for a cancelled request", brief(entry.value), [entry.index])


def _slow_call(peer: Peer) -> ToolCall:
    """Return a call that takes as little time as shows something. Raises `Blocked` if no slow tool is known."""
    return peer.surface.need_slow(_BRIEF)


async def _start_and_cancel(peer: Peer, call: ToolCall) -> Any:
    message = peer.message("tools/call", call.params)
    await peer.tell(message)
    await peer.notify("notifications/cancelled", {"requestId": message["id"], "reason": "a test"})
    return message["id"]


def _answers(entry: Entry, identifier: Any) -> bool:
    return entry.is_response() and entry.value.get("id") == identifier


@check("utilities.progress.token", "progress.token.accepted", sharing=Sharing.ALONE)
async def progress_token(peer: Peer) -> None:
    """A request with a progress token, an integer or a string, is answered like one without."""
    try:
        call = _slow_call(peer)
    except Blocked:
        call = peer.surface.need_call()
    tokens: list[dict[str, Any]] = [{"progressToken": f"touchstone-{peer.new_id()}"}, {"progressToken": peer.new_id()}]
    asked = [partial(peer.request, "tools/call", call.params, meta=meta) for meta in ({}, *tokens)]
    try:
        plain, *answers = await together(*asked)
    except Silence:
        # Whether the tokens are to blame is seen without them, and without the others' company.
        await _without_token(peer, call)
        raise
    for answer in answers:
        if answer.error is not None and plain.error is None:
            raise Mismatch("the result that comes without a token", answer.describe(), [answer.entry.index])


async def _without_token(peer: Peer, call: ToolCall) -> None:
    """Make sure that a call is answered. Raises `Blocked` if not."""
    try:
        await peer.request("tools/call", call.params)
    except Silence:
        raise Blocked("the call is not answered in time without a token either") from None


@check("utilities.responsive", "field.responsive", sharing=Sharing.ALONE)
async def responsive(peer: Peer) -> None:
    """A slow call does not hold up other requests."""
    call = peer.surface.need_slow(int(_LONG))
    message = peer.message("tools/call", call.params)
    await peer.tell(message)
    fence = await peer.fence()
    # The rest of the call is of no use, and would keep the target from leaving when it is told to.
    await peer.notify("notifications/cancelled", {"requestId": message["id"]})
    early = [entry for entry in peer.heard if _answers(entry, message["id"]) and entry.index < fence.entry.index]
    held_up = fence.entry.at - request_of(peer, fence.id).at
    if early and held_up < _HELD_UP:
        raise Blocked("the call was over too soon to hold anything up")
    if early:
        raise Mismatch(f"an answer to {peer.cheap_method} during a call", f"an answer after it, {held_up:.1f} s later")
