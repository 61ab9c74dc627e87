"""Checks of `basic/authorization/index#error-handling`: how a protected server refuses those who show no good token.

None of them needs a token where the target answers HTTP 401; elsewhere the good one shows what the refusal was for.
"""

from __future__ import annotations

from conformance.challenges import described, for_tokens
from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.gate import MADE_UP, UNAUTHORIZED, is_served, knock, need_oauth, need_refusal, need_taken
from conformance.links import Answer
from conformance.peer import Peer
from conformance.published import resource_metadata

_ERRORS = frozenset({"invalid_request", "invalid_token", "insufficient_scope"})
_OF_EXTENSIONS = frozenset({"insufficient_user_authentication", "invalid_dpop_proof", "use_dpop_nonce"})
"""Codes of RFC 9470 and RFC 9449, which add to those of OAuth."""
_OFFLINE = "offline_access"


@check("auth.oauth", "auth.conformant", sharing=Sharing.OUTSIDE)
async def oauth(peer: Peer) -> None:
    """A server that lets nobody in without credentials asks for them by the means of OAuth."""
    refusal = await need_refusal(peer)
    try:
        await need_oauth(peer)
    except Inapplicable:
        # What nobody has been let in by may be no MCP server at all.
        await need_taken(peer)
        wanted = "a challenge for a bearer token, or published OAuth metadata"
        raise Mismatch(wanted, described(refusal), [refusal.entry.index]) from None


@check("auth.unauthorized", "auth.error.status", "auth.early.unauthorized", sharing=Sharing.OUTSIDE)
async def unauthorized(peer: Peer) -> None:
    """A request without a token is refused with HTTP 401."""
    refusal = await need_oauth(peer)
    if refusal.status != UNAUTHORIZED:
        raise Mismatch("HTTP 401 for a request without a token", refusal.describe(), [refusal.entry.index])


@check("auth.challenge", "auth.conformant", sharing=Sharing.OUTSIDE)
async def challenge(peer: Peer) -> None:
    """The refusal of a request without a token carries a challenge of the scheme Bearer."""
    refusal = await _need_unauthorized(peer)
    if for_tokens(refusal.head) is None:
        raise Mismatch("WWW-Authenticate with the scheme Bearer", described(refusal), [refusal.entry.index])


@check("auth.made-up-token", "auth.token.validated", "auth.token.invalid", sharing=Sharing.OUTSIDE)
async def made_up_token(peer: Peer) -> None:
    """A token that nobody issued opens nothing, and is answered with HTTP 401."""
    refusal = await need_oauth(peer)
    answer = await knock(peer, f"Bearer {MADE_UP}", "a token that nobody issued")
    if is_served(answer):
        error = Mismatch("a refusal of a token that nobody issued", answer.describe(), [answer.entry.index])
        error.breaks = "auth.token.validated"
        raise error
    if answer.status != UNAUTHORIZED:
        if answer.status == refusal.status:
            raise Blocked("it is refused as a request without a token is, of which auth.unauthorized tells")
        raise Mismatch("HTTP 401 for a token that nobody issued", answer.describe(), [answer.entry.index])


@check("auth.refusal", "auth.token.refusal", sharing=Sharing.OUTSIDE)
async def refused_token(peer: Peer) -> None:
    """A token that is no good is answered with a challenge for another, and an error of OAuth if any."""
    await need_oauth(peer)
    answer = await knock(peer, f"Bearer {MADE_UP}", "a token that nobody issued")
    if answer.status != UNAUTHORIZED:
        raise Blocked("it is not refused with HTTP 401, of which auth.made-up-token tells")
    asked = for_tokens(answer.head)
    if asked is None:
        raise Mismatch("WWW-Authenticate with the scheme Bearer", described(answer), [answer.entry.index])
    error = asked.parameters.get("error")
    if error is not None and error not in _ERRORS | _OF_EXTENSIONS:
        raise Mismatch(f"an error among {', '.join(sorted(_ERRORS))}", brief(error), [answer.entry.index])


@check("auth.challenge-metadata", "auth.discovery.advertised-early", sharing=Sharing.OUTSIDE)
async def challenge_metadata(peer: Peer) -> None:
    """The challenge of a 401 says where the metadata of the protected resource are."""
    refusal = await _need_unauthorized(peer)
    asked = for_tokens(refusal.head)
    if asked is None:
        raise Blocked("there is no challenge for a token, of which auth.challenge tells")
    if not asked.parameters.get("resource_metadata"):
        raise Mismatch("resource_metadata in the challenge", described(refusal), [refusal.entry.index])


@check("auth.challenge-scope", "auth.challenge.scope", sharing=Sharing.OUTSIDE)
async def challenge_scope(peer: Peer) -> None:
    """Where a server has scopes, its challenge says which a client needs."""
    refusal = await _need_unauthorized(peer)
    asked = for_tokens(refusal.head)
    if asked is None:
        raise Blocked("there is no challenge for a token, of which auth.challenge tells")
    if asked.scopes:
        return
    page = (await resource_metadata(peer, refusal)).page
    supported = (page.document or {}).get("scopes_supported") if page else None
    if not isinstance(supported, list) or not supported:
        raise Inapplicable("nothing says that the target has scopes")
    assert peer.bench is not None
    if (narrow := peer.bench.identities.narrow) is not None and is_served(await knock(peer, f"Bearer {narrow}", None)):
        raise Inapplicable("a token without scopes is served")
    wanted = f"scope in the challenge, as scopes_supported has {brief(supported)}"
    raise Mismatch(wanted, described(refusal), [refusal.entry.index])


@check("auth.challenge-steady", "auth.scope.consistent", sharing=Sharing.OUTSIDE)
async def challenge_steady(peer: Peer) -> None:
    """A request that is refused twice is told the same scopes both times."""
    refusals = [await _need_unauthorized(peer) for _ in range(2)]
    told = [asked.scopes for refusal in refusals if (asked := for_tokens(refusal.head)) is not None]
    if not any(told):
        raise Inapplicable("the challenge names no scopes")
    if len(told) != len(refusals) or told[0] != told[1]:
        actual = " and then ".join(" ".join(sorted(scopes)) or "none" for scopes in told)
        raise Mismatch("the same scopes in both challenges", actual, [refusal.entry.index for refusal in refusals])


@check("auth.offline-access", "auth.scope.offline-access", sharing=Sharing.OUTSIDE)
async def offline_access(peer: Peer) -> None:
    """A server asks in no place for the scope offline_access, which is not its concern."""
    refusal = await need_oauth(peer)
    asked = for_tokens(refusal.head)
    if asked is not None and _OFFLINE in asked.scopes:
        raise Mismatch("a challenge without offline_access", described(refusal), [refusal.entry.index])
    page = (await resource_metadata(peer, refusal)).page
    supported = (page.document or {}).get("scopes_supported") if page else None
    if page is not None and isinstance(supported, list) and _OFFLINE in supported:
        raise Mismatch("scopes_supported without offline_access", brief(supported), page.entries)
    if asked is None and page is None:
        raise Blocked("there is neither a challenge for a token nor metadata")


async def _need_unauthorized(peer: Peer) -> Answer:
    """Return the refusal with HTTP 401. Raises `Blocked` if it has another status, which is another check's to tell."""
    refusal = await need_oauth(peer)
    if refusal.status != UNAUTHORIZED:
        raise Blocked("the refusal is no HTTP 401, of which auth.unauthorized tells")
    return refusal
