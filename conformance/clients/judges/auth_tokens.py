"""Judges of tokens: where a client shows them, to whom, and what it does when one has run out."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from conformance.clients.authorization import names
from conformance.clients.authorization.traffic import Act, Traffic, ended, reading
from conformance.clients.declare import judge
from conformance.expect import Blocked, Mismatch, brief
from conformance.transcript import Conversation


def _held(seen: Traffic, act: Act) -> dict[str, Act]:
    """The access tokens that the client had been given before an exchange, with what gave them."""
    return {str(one.told["access_token"]): one for one in seen.before(act, seen.issued)}


@judge("client.auth-token-header", "auth.token.header", "auth.token.usage", scenario=names.ALL)
def token_header(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client presents its token in the Authorization header, under the scheme Bearer, and nowhere else."""
    seen = reading(conversation)
    for act in seen.endpoint:
        held = _held(seen, act)
        own = act.bearer in held
        stray = [where for where, text in _places(act) if any(token in text for token in held)]
        if stray:
            mismatch = Mismatch("authorization: Bearer, and nothing else", f"a token in {stray[0]}", act.evidence)
            mismatch.breaks = "auth.token.usage" if own else "auth.token.header"
            yield mismatch
        elif own:
            yield None


def _places(act: Act) -> Iterator[tuple[str, str]]:
    """Where a token could stand beside its place; the URL has a judge of its own."""
    for name, value in act.entry.head.headers if act.entry.head is not None else ():
        if name != "authorization":
            yield f"the header {name}", value
        elif act.bearer is None:
            yield f"authorization: {brief(value, 40)}", value
    yield "the body", act.entry.data.decode("utf-8", "replace")


@judge("client.auth-token-every-request", "auth.token.every-request", scenario=names.ALL)
def token_every_request(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Once a token was good, every request to the endpoint bears one, until one is refused."""
    seen, good = reading(conversation), None
    for act in seen.endpoint:
        if act.method == "OPTIONS":
            continue  # a browser asks on its own, and without credentials
        if good is not None and good.reply is not None and good.reply.index < act.index:
            fine = act.header("authorization") is not None
            actual = f"{act.method} without Authorization"
            yield None if fine else Mismatch("Authorization in every request", actual, [good.index, *act.evidence])
        if act.bearer is not None and act.status == 401:
            good = None
        elif act.bearer is not None and act.status < 300 and good is None:
            good = act


@judge("client.auth-token-query", "auth.token.query", scenario=names.ALL)
def token_query(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No URL that a client requests has an access token in its query."""
    seen = reading(conversation)
    for act in seen.acts:
        held = _held(seen, act)
        if held:
            query = unquote(act.target.partition("?")[2])
            fine = not any(token in query for token in held)
            yield None if fine else Mismatch("no token in the URL", act.target, act.evidence)


@judge("client.auth-token-issuer", "auth.token.issuer", scenario=names.ALL)
def token_issuer(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The tokens that a client sends to a server are those that its authorization server issued to be sent there."""
    seen = reading(conversation)
    for act in seen.endpoint:
        held = _held(seen, act)
        if act.bearer is None or not held:
            continue  # nothing was shown, or what a user gave it
        giver = held.get(act.bearer)
        if giver is None:
            yield Mismatch("an access token that was issued", f"Bearer {act.bearer}", act.evidence)
        elif act.method == "POST":  # to end a session or a stream the old one may do
            yield _from_another(seen, act, giver)


def _from_another(seen: Traffic, act: Act, giver: Act) -> Mismatch | None:
    """What is wrong with a token if another authorization server than its own was in charge when it was sent."""
    known = seen.before(act, seen.resources)
    issuer = str(seen.authority(giver).get("issuer"))
    if not known or known[-1].index < giver.index or issuer in known[-1].told["authorization_servers"]:
        return None
    wanted = f"a token of {known[-1].told['authorization_servers'][0]}"
    return Mismatch(wanted, f"one of {issuer}", [*giver.evidence, *known[-1].evidence, *act.evidence])


@judge("client.auth-refresh-confidential", "auth.refresh.confidential", scenario=names.ALL)
def refresh_confidential(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client shows a refresh token only to the token endpoint that issued it, in the body of a request."""
    seen = reading(conversation)
    for giver in seen.issued:
        token = giver.told.get("refresh_token")
        if not isinstance(token, str):
            continue
        shown = [act for act in seen.acts if token in _everything(act)]
        astray = [act for act in shown if (act.host, act.path) != (giver.host, giver.path) or token in _head(act)]
        wanted = f"the refresh token in the body of a request to {giver.host}{giver.path} alone"
        for act in astray:
            yield Mismatch(wanted, f"{act.method} {act.host}{act.target}", [*giver.evidence, *act.evidence])
        if not astray:
            yield None


def _head(act: Act) -> str:
    values = [value for _, value in (act.entry.head.headers if act.entry.head is not None else ())]
    return "\n".join([unquote(act.target), *values])


def _everything(act: Act) -> str:
    return f"{_head(act)}\n{unquote(act.entry.data.decode('utf-8', 'replace'))}"


@judge("client.auth-refresh-unassumed", "auth.refresh.unassumed", scenario=names.EXPIRY)
def refresh_unassumed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client without a refresh token works with the access token alone, and starts over when it has run out."""
    seen = reading(conversation)
    given = next(seen.issued, None)
    if given is None:
        raise Blocked("the client bought no token")
    for act in seen.tokens:
        if act.parameters.get("grant_type") == "refresh_token" and act.index > given.index:
            yield Mismatch("no use of a refresh token that was never issued", brief(act.parameters), act.evidence)
    used = [act for act in seen.endpoint if act.bearer == given.told["access_token"]]
    if not used and not ended(conversation):
        raise Blocked("the client neither used its token nor ended")
    yield None if used else Mismatch("use of a token that came alone", "none", given.evidence)
    spent = next((act for act in used if act.status == 401), None)
    if spent is not None and any(act.index > spent.index for act in seen.authorizations):
        yield None
