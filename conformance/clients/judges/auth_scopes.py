"""Judges of scopes: which a client asks for at first, and what it does when they do not suffice."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.authorization import names
from conformance.clients.authorization.guard import ENOUGH
from conformance.clients.authorization.terms import CHALLENGED, STEP
from conformance.clients.authorization.traffic import Act, Traffic, ended, reading
from conformance.clients.declare import judge
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.transcript import Conversation

_OFFLINE = "offline_access"
"""The scope that asks for refresh tokens: a client may add it."""
_FEW = 5


def _first(conversation: Conversation) -> Act:
    asked = next(reading(conversation).authorizations, None)
    if asked is None:
        raise Blocked("the client sent no authorization request")
    return asked


def _scopes(act: Act) -> str:
    return "no scope" if act.scopes is None else f"scope {' '.join(act.scopes)}".rstrip()


@judge("client.auth-scope-challenge", "auth.scope.from-challenge", scenario=names.USUAL)
def scope_challenge(conversation: Conversation) -> Iterator[Mismatch | None]:
    """In its first authorization a client asks for the scopes of the challenge."""
    asked = _first(conversation)
    fine = CHALLENGED in (asked.scopes or ())
    yield None if fine else Mismatch(f"scope {CHALLENGED}", _scopes(asked), _with_challenge(conversation, asked))


def _with_challenge(conversation: Conversation, asked: Act) -> list[int]:
    refused = reading(conversation).refused
    return [*(refused.evidence if refused is not None else []), *asked.evidence]


@judge("client.auth-scope-least", "auth.scope.least", scenario=names.USUAL)
def scope_least(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client asks for no scopes but those of the challenge."""
    asked = _first(conversation)
    fine = set(asked.scopes or ()) <= {CHALLENGED, _OFFLINE}
    wanted = f"no scope but {CHALLENGED}"
    yield None if fine else Mismatch(wanted, _scopes(asked), _with_challenge(conversation, asked))


@judge(
    "client.auth-scope-authoritative", "auth.scope.authoritative", "auth.scope.no-relation", scenario=names.CHALLENGE
)
def scope_authoritative(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client asks for the scopes of a challenge also where the metadata of the server do not list them."""
    asked = _first(conversation)
    fine = CHALLENGED in (asked.scopes or ())
    yield None if fine else Mismatch(f"scope {CHALLENGED}", _scopes(asked), _with_challenge(conversation, asked))


@judge("client.auth-scope-fallback", "auth.scope.fallback", scenario=(names.OPENID, names.FALLBACK))
def scope_fallback(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Without scopes in the challenge a client asks for all that the server lists, and for none where it lists none."""
    asked, seen = _first(conversation), reading(conversation)
    known = seen.before(asked, seen.resources)
    if not known:
        raise Blocked("the client did not read the metadata of the server")
    listed = set(known[-1].told.get("scopes_supported", []))
    fine = set(asked.scopes or ()) - {_OFFLINE} == listed
    wanted = f"scope {' '.join(sorted(listed))}" if listed else "no scope"
    yield None if fine else Mismatch(wanted, _scopes(asked), [*known[-1].evidence, *asked.evidence])


# When they do not suffice ---------------------------------------------------------------------------


def _forbidden(conversation: Conversation) -> tuple[Traffic, Act, list[Act]]:
    """The first refusal for lack of scope, and the authorization requests that came after it."""
    seen = reading(conversation)
    refused = next((act for act in seen.endpoint if act.status == 403), None)
    if refused is None:
        raise Blocked("the client called no tool, so that none could be refused")
    return seen, refused, [act for act in seen.authorizations if act.index > refused.index]


@judge("client.auth-step-up", "auth.step-up.attempted", scenario=names.STEP_UP)
def step_up(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that lacks a scope takes its user through another authorization, for the scopes of the challenge."""
    seen, refused, after = _forbidden(conversation)
    if not any(seen.authorizations):
        raise Inapplicable("the client acts for no user")
    if not after and not ended(conversation):
        raise Blocked("the client did not end by itself")
    fine = any(STEP in (act.scopes or ()) for act in after)
    others = [act for act in seen.dealings if act.index > refused.index]
    instead = ", ".join(f"{act.method} {act.path}: {act.parameters.get('grant_type', 'no grant')}" for act in others)
    actual = _scopes(after[0]) if after else f"no other authorization request, but {instead or 'nothing'}"
    evidence = [*refused.evidence, *(index for act in others[:2] for index in act.evidence)]
    yield None if fine else Mismatch(f"an authorization request with scope {STEP}", actual, evidence)


@judge("client.auth-step-up-repeated", "auth.step-up.answered", scenario=names.STEP_UP)
def step_up_repeated(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that lacks a scope does not just repeat its request."""
    seen, refused, _ = _forbidden(conversation)
    repeated = [
        act for act in seen.endpoint if act.index > refused.index and act.status == 403 and act.bearer == refused.bearer
    ]
    # Once may be a client that does not read the reply at first; a habit it is from then on.
    evidence = [index for act in (refused, *repeated[:2]) for index in act.evidence]
    actual = f"the same call {len(repeated)} times more with the same token"
    yield None if len(repeated) < 2 else Mismatch("another token, or an end", actual, evidence)


@judge("client.auth-scope-kept", "auth.scope.kept", scenario=names.STEP_UP)
def scope_kept(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that is authorized again asks for the scopes that it already had beside the new ones."""
    seen, refused, after = _forbidden(conversation)
    before = {scope for act in seen.authorizations if act.index < refused.index for scope in act.scopes or ()}
    if not after or not before:
        raise Blocked("the client was not authorized again, or had asked for no scopes before")
    fine = before <= set(after[0].scopes or ())
    wanted = f"scope {' '.join(sorted(before | {STEP}))}"
    yield None if fine else Mismatch(wanted, _scopes(after[0]), [*refused.evidence, *after[0].evidence])


@judge("client.auth-step-up-limit", "auth.step-up.limited", "auth.step-up.tracked", scenario=names.STEP_UP_REFUSED)
def step_up_limit(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that is refused for the same lack of scope again and again gives up after a few attempts."""
    seen, refused, after = _forbidden(conversation)
    refusals = [act for act in seen.endpoint if act.status == 403]
    fine = len(after) <= _FEW and len(refusals) < ENOUGH
    actual = f"{len(refusals)} requests and {len(after)} authorizations"
    evidence = [index for act in (refused, *after[:3]) for index in act.evidence]
    yield None if fine else Mismatch("a few attempts, and then an end", actual, evidence)
