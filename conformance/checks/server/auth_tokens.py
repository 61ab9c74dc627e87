"""Checks of `basic/authorization/index#token-handling`: which tokens open the gate of a protected server.

Each shows a token that is wrong in one way, where the good one is served. A signed token (a JWT) can be spoilt by
anybody; other wrong ones are the user's to give, or made by an issuer of ours that the target trusts.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from conformance.challenges import described, for_tokens
from conformance.channel import decode
from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.gate import UNAUTHORIZED, is_served, knock, need_oauth, need_taken
from conformance.identities import need_token
from conformance.links import Answer
from conformance.peer import Peer, encode
from conformance.published import is_loopback
from conformance.target import AUTHORIZATION
from reference_impl.protocol.streamable import SESSION_ID

_FORBIDDEN = 403
_FAILED = 400
_CALLS = 8
"""Tools that are called in search of one for which a narrow token does not do."""
_ODD = "another token"
_SEED = 20_260_728


@check("auth.scheme-case", "auth.token.usage", sharing=Sharing.OUTSIDE)
async def scheme_case(peer: Peer) -> None:
    """The name of the scheme Bearer is understood in lower and upper case."""
    await need_oauth(peer)
    token = await _need_good(peer)
    for scheme in ("bearer", "BEARER"):
        answer = await knock(peer, f"{scheme} {token}", None)
        if not is_served(answer):
            wanted = f"a result for the scheme {scheme}, as for Bearer"
            raise Mismatch(wanted, answer.describe(), [answer.entry.index])


@check("auth.altered-token", "auth.token.validated", "auth.token.invalid", sharing=Sharing.OUTSIDE)
async def altered_token(peer: Peer) -> None:
    """A token whose signature is not the issuer's opens nothing, and is answered with HTTP 401."""
    await need_oauth(peer)
    header, payload, signature = await _need_signed(peer)
    other = bytes(random.Random(_SEED).randbytes(len(_decoded(signature))))  # noqa: S311 - no secret
    await _expect_refused(peer, f"{header}.{payload}.{_encoded(other)}", "a token with another signature")


@check("auth.unsigned-token", "auth.token.validated", "auth.token.invalid", sharing=Sharing.OUTSIDE)
async def unsigned_token(peer: Peer) -> None:
    """A token that says it needs no signature opens nothing, and is answered with HTTP 401."""
    await need_oauth(peer)
    header, payload, _ = await _need_signed(peer)
    unsigned = encode(decode(_decoded(header)) | {"alg": "none"})
    await _expect_refused(peer, f"{_encoded(unsigned)}.{payload}.", "a token without signature (alg none)")


@check("auth.expired-token", "auth.token.validated", "auth.token.invalid", sharing=Sharing.OUTSIDE)
async def expired_token(peer: Peer) -> None:
    """A token past its time opens nothing, and is answered with HTTP 401."""
    await need_oauth(peer)
    token = need_token(peer, "expired")
    await need_taken(peer)
    await _expect_refused(peer, token, "a token past its time")


@check("auth.foreign-token", "auth.token.audience", "auth.token.foreign", sharing=Sharing.OUTSIDE)
async def foreign_token(peer: Peer) -> None:
    """A token that was issued for another server opens nothing."""
    await need_oauth(peer)
    token = need_token(peer, "foreign")
    await need_taken(peer)
    answer = await knock(peer, f"Bearer {token}", "a token for another server")
    if is_served(answer):
        raise Mismatch("a refusal of a token for another server", answer.describe(), [answer.entry.index])


@check("auth.session-alone", "auth.session.no-proof", sharing=Sharing.OUTSIDE)
async def session_alone(peer: Peer) -> None:
    """A session that was opened with a token serves nobody who shows none."""
    await need_oauth(peer)
    await _need_good(peer)
    await peer.ask_opening()
    if peer.session is None:
        raise Inapplicable("the target opens no session")
    await peer.notify("notifications/initialized")
    if not is_served(await peer.fence()):
        raise Blocked("the same request with the good token is not served")
    answer = await peer.call(peer.message(peer.cheap_method), headers={AUTHORIZATION: None}, defect="no token")
    if is_served(answer):
        raise Mismatch("a refusal of a request without a token", answer.describe(), [answer.entry.index])


@check("auth.nothing-before", "auth.token.before-processing", sharing=Sharing.OUTSIDE)
async def nothing_before(peer: Peer) -> None:
    """Nothing of a request with a token for another server is carried out, and nothing is given away."""
    await need_oauth(peer)
    token = need_token(peer, "foreign")
    await need_taken(peer)
    if is_served(await knock(peer, f"Bearer {token}", "a token for another server")):
        raise Blocked("such a token is served, of which auth.foreign-token tells")
    calls = [call.params for call in peer.surface.calls()][:1]
    asked = [*calls, {"name": "touchstone-no-such-tool", "arguments": {}}]
    answers = [await _ask(peer, peer.message("tools/call", params), token) for params in asked]
    for answer in answers:
        opened = answer.head is not None and answer.head.get(SESSION_ID) is not None
        if is_served(answer) or opened or (answer.status or 0) < _FAILED:
            wanted = "a refusal with nothing in it"
            raise Mismatch(wanted, answer.describe() + (", and a session" if opened else ""), [answer.entry.index])
    if len({answer.status for answer in answers}) > 1:
        actual = " and ".join(f"HTTP {answer.status}" for answer in answers)
        entries = [answer.entry.index for answer in answers]
        raise Mismatch("the same refusal for a tool that exists and for one that does not", actual, entries)


@check("auth.narrow-token", "auth.scope.forbidden", "auth.error.status", sharing=Sharing.OUTSIDE)
async def narrow_token(peer: Peer) -> None:
    """A good token with too few scopes is answered with HTTP 403."""
    _, answer = await _need_too_narrow(peer)
    if answer.status != _FORBIDDEN:
        error = Mismatch("HTTP 403 for a token with too few scopes", described(answer), [answer.entry.index])
        # The table of statuses says MUST of what the text says SHOULD of: the weaker word counts where both stand.
        error.breaks = "auth.scope.forbidden"
        raise error


@check("auth.narrow-challenge", "auth.scope.challenge", sharing=Sharing.OUTSIDE)
async def narrow_challenge(peer: Peer) -> None:
    """The refusal of a token with too few scopes says so, which would do, and where the metadata are."""
    _, answer = await _need_forbidden(peer)
    asked = for_tokens(answer.head)
    said = asked.parameters if asked else {}
    lacking = [name for name in ("scope", "resource_metadata") if not said.get(name)]
    if said.get("error") != "insufficient_scope" or lacking:
        wanted = "a challenge with error insufficient_scope, scope and resource_metadata"
        raise Mismatch(wanted, described(answer), [answer.entry.index])


@check("auth.step-up", "auth.scope.needed", "auth.scope.at-once", sharing=Sharing.OUTSIDE)
async def step_up(peer: Peer) -> None:
    """Whoever returns with exactly the scopes that a refusal named is not refused for scopes again."""
    message, answer = await _need_forbidden(peer)
    asked = for_tokens(answer.head)
    if asked is None or not asked.scopes:
        raise Blocked("the refusal names no scopes, of which auth.narrow-challenge tells")
    assert peer.bench is not None
    mint = peer.bench.identities.mint
    if mint is None:
        raise Blocked("nobody makes tokens with other scopes (issuer in [authorization] of touchstone.toml)")
    again = await _ask(peer, message, mint(sorted(asked.scopes)))
    if again.status == UNAUTHORIZED:
        raise Blocked(f"the target does not take the token that was made for it: {described(again)}")
    if again.status == _FORBIDDEN:
        wanted = f"no refusal of a token with {' '.join(sorted(asked.scopes))}, as was asked for"
        raise Mismatch(wanted, described(again), [answer.entry.index, again.entry.index])


@check("auth.capitals", "auth.uri.case", sharing=Sharing.OUTSIDE)
async def capitals(peer: Peer) -> None:
    """The host of the server is the same in capitals."""
    await need_oauth(peer)
    authorization = f"Bearer {await _need_good(peer)}"
    parts = urlsplit(peer.http.target.url)
    # An address in figures has no capitals, but another name on this machine.
    named = parts.netloc if not is_loopback(parts.hostname) else f"localhost:{parts.port or 80}"
    if named.upper() == named.lower():
        raise Blocked(f"{named} has no letters")
    if not is_served(twin := await knock(peer, authorization, None, {"host": named})):
        raise Blocked(f"the same request with Host: {named} was not served: {described(twin)}")
    answer = await knock(peer, authorization, None, {"host": named.upper()})
    if not is_served(answer):
        raise Mismatch(f"a result for Host: {named.upper()}", described(answer), [answer.entry.index])


async def _expect_refused(peer: Peer, token: str, defect: str) -> None:
    """Expect HTTP 401 for a token; that it is served breaks another rule than that the status is another."""
    answer = await knock(peer, f"Bearer {token}", defect)
    if is_served(answer) or answer.status != UNAUTHORIZED:
        error = Mismatch(f"HTTP 401 for {defect}", described(answer), [answer.entry.index])
        error.breaks = "auth.token.validated" if is_served(answer) else "auth.token.invalid"
        raise error


async def _need_good(peer: Peer) -> str:
    """Return the good token, which the target takes. Raises `Blocked`, `Inapplicable` for another kind of key."""
    await need_taken(peer)
    token = peer.http.target.token
    if token is None:
        raise Inapplicable("the target is reached with credentials that are no bearer token")
    return token


async def _need_signed(peer: Peer) -> tuple[str, str, str]:
    """Return the parts of the good token, if it is a JWT. Raises `Inapplicable` if it has no signature to spoil."""
    header, _, rest = (await _need_good(peer)).partition(".")
    payload, _, signature = rest.partition(".")
    if not signature or "." in signature or not isinstance(decode(_decoded(header)), dict):
        raise Inapplicable("the good token is opaque: it has no signature that could be another")
    return header, payload, signature


async def _ask(peer: Peer, message: dict[str, Any], token: str) -> Answer:
    """Send any request with some token."""
    if message["method"] == peer.opening_method:
        return await knock(peer, f"Bearer {token}", _ODD)
    return await peer.call({**message, "id": peer.new_id()}, headers=_bearing(token), defect=_ODD)


async def _need_too_narrow(peer: Peer) -> tuple[dict[str, Any], Answer]:
    """Return a request for which the narrow token does not do, and how it is refused. Raises `Blocked`."""
    await need_oauth(peer)
    token = need_token(peer, "narrow")
    await need_taken(peer)
    message = peer.opening_request()
    answer = await _ask(peer, message, token)
    if not is_served(answer):
        return message, answer
    if not peer.revision.modern:
        await peer.post(encode({"jsonrpc": "2.0", "method": "notifications/initialized"}), _bearing(token))
    for message in _requests(peer):
        answer = await _ask(peer, message, token)
        if answer.status in (UNAUTHORIZED, _FORBIDDEN):
            return message, answer
    raise Blocked("the narrow token opens all that may be tried")


def _requests(peer: Peer) -> Iterator[dict[str, Any]]:
    """Requests that may want more scopes than the first one: the lists, and the calls that may be made."""
    surface = peer.surface
    lists = ("tools/list", surface.tools), ("prompts/list", surface.prompts), ("resources/list", surface.resources)
    yield from (peer.message(method) for method, items in lists if items)
    calls = [call for call in surface.calls() if not surface.is_slow(call)]
    yield from (peer.message("tools/call", call.params) for call in calls[:_CALLS])


async def _need_forbidden(peer: Peer) -> tuple[dict[str, Any], Answer]:
    message, answer = await _need_too_narrow(peer)
    if answer.status != _FORBIDDEN:
        raise Blocked("the narrow token is not refused with HTTP 403, of which auth.narrow-token tells")
    return message, answer


def _bearing(token: str) -> dict[str, str]:
    return {AUTHORIZATION: f"Bearer {token}"}


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
