"""The gate of a protected server: what it answers to those who show no token, or one that is no good.

What is shown there is the first request of an era, which needs neither session nor handshake. A target that serves it
to nobody in particular is not protected, and no rule of authorization binds it
(2025-11-25 `basic/authorization#protocol-requirements`); the first check that finds out tells all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conformance.challenges import for_tokens
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.links import Gone, Silence
from conformance.published import OF_SERVERS, fetch, origin_of, resource_metadata
from conformance.target import AUTHORIZATION, bears_credentials
from reference_impl.protocol.streamable import SESSION_ID

if TYPE_CHECKING:
    from conformance.bench import Bench
    from conformance.links import Answer
    from conformance.peer import Peer

__all__ = [
    "MADE_UP",
    "UNAUTHORIZED",
    "is_served",
    "knock",
    "names_servers",
    "need_oauth",
    "need_refusal",
    "need_taken",
    "note_open",
]

MADE_UP = "touchstone-not-a-token"
UNAUTHORIZED = 401
_OPEN, _MUTE, _OAUTH = "gate.open", "gate.mute", "gate.oauth"
_UNPROTECTED = "the target serves without a token"


async def knock(
    peer: Peer, authorization: str | None, defect: str | None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send the first request of the era with another Authorization header or none, and further headers."""
    changed = {**(headers or {}), AUTHORIZATION: authorization, SESSION_ID: None}
    answer = await peer.call(peer.opening_request(), headers=changed, defect=defect, timeout=peer.patience.start)
    if answer.head is not None:
        # One that was opened for us is to be ended by us.
        peer.session = answer.head.get(SESSION_ID) or peer.session
    return answer


def is_served(answer: Answer) -> bool:
    """Whether a request was answered with a result."""
    return isinstance(answer.result, dict)


async def need_refusal(peer: Peer) -> Answer:
    """Return how the target refuses a request without a token.

    Raises `Inapplicable` if it serves it, `Blocked` if the token may have nothing to do with the refusal.
    """
    assert peer.bench is not None
    if not peer.over_http or peer.bench.kept.get(_OPEN):
        raise Inapplicable(_UNPROTECTED)
    if (why := peer.bench.kept.get(_MUTE)) is not None:
        raise Blocked(why)
    try:
        answer = await knock(peer, None, "no token")
    except (Silence, Gone) as mismatch:
        # Not again and again: each may take its whole deadline.
        peer.bench.kept[_MUTE] = why = f"a request without a token gets no answer: {mismatch.actual}"
        raise Blocked(why) from None
    if is_served(answer):
        note_open(peer.bench)
        raise Inapplicable(_UNPROTECTED)
    if answer.status != UNAUTHORIZED:
        await need_taken(peer)
    return answer


def note_open(bench: Bench) -> None:
    """Take that somebody was let in without a token, so that nobody tries again."""
    bench.kept[_OPEN] = True


async def need_taken(peer: Peer) -> None:
    """Make sure that the good token opens the gate. Raises `Blocked` if not, or if there is none."""
    if not bears_credentials(peer.http.target):
        raise Blocked(
            "there is no token that the target takes (--token, or good in [authorization] of touchstone.toml)"
        )
    try:
        answer = await peer.ask_opening()
    except Mismatch as mismatch:
        raise Blocked(f"the same request with the good token failed: {mismatch.actual}") from None
    if not is_served(answer):
        raise Blocked(f"the target does not take the good token: {answer.describe()}")
    await peer.farewell()
    peer.session = None


async def need_oauth(peer: Peer) -> Answer:
    """Return the refusal of a target that is protected by OAuth.

    Raises `Inapplicable` for one that is open, or protected by a scheme of its own: one check says so, and no other
    rule of OAuth binds it then; `Blocked` as `need_refusal` does.
    """
    refusal = await need_refusal(peer)
    assert peer.bench is not None
    known: bool | None = peer.bench.kept.get(_OAUTH)
    if known is None:
        known = peer.bench.kept[_OAUTH] = await _is_oauth(peer, refusal)
    if not known:
        raise Inapplicable("the target is protected by something other than OAuth, as auth.oauth tells")
    return refusal


async def _is_oauth(peer: Peer, refusal: Answer) -> bool:
    """Whether anything at all says OAuth: a challenge for tokens, metadata of a resource, an authorization server at
    the origin (which was all there was at 2025-03-26)."""
    if for_tokens(refusal.head) or for_tokens((await knock(peer, f"Bearer {MADE_UP}", "a made-up token")).head):
        return True
    if (await resource_metadata(peer, refusal)).page is not None:
        return True
    return await names_servers(peer)


async def names_servers(peer: Peer) -> bool:
    """Whether an authorization server shows at the target's own origin."""
    page = await fetch(peer, origin_of(peer) + OF_SERVERS)
    return page.document is not None and "issuer" in page.document
