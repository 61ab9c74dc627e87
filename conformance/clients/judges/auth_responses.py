"""Judges of authorization responses, and of clients whose server changes hands: what belongs to whom."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from conformance.clients.authorization import names
from conformance.clients.authorization.issuer import ERROR, MARKER
from conformance.clients.authorization.town import PAGE
from conformance.clients.authorization.traffic import Act, Traffic, reading
from conformance.clients.declare import judge
from conformance.expect import Blocked, Mismatch, brief
from conformance.transcript import Conversation, Direction

_STATES = (names.STATE_OTHER, names.STATE_NONE)
_ISSUERS = (names.ISS_MISSING, names.ISS_FOREIGN, names.ISS_UNPROMISED)
_LITERAL = (names.ISS_SLASH, names.ISS_CASE, names.ISS_PERCENT)


def _asked(conversation: Conversation) -> tuple[Traffic, Act]:
    seen = reading(conversation)
    asked = next(seen.authorizations, None)
    if asked is None:
        raise Blocked("the client sent no authorization request")
    return seen, asked


def _dropped(conversation: Conversation, wanted: str, part: str) -> Iterator[Mismatch | None]:
    """A code that came in a response which is not to be trusted is not redeemed."""
    seen, asked = _asked(conversation)
    redeemed = next((act for act in seen.tokens if act.parameters.get("code") == asked.location.get("code")), None)
    if redeemed is None:
        yield None
    else:
        actual = f"its code redeemed after {part} {asked.location.get(part, 'was missing')}"
        yield Mismatch(wanted, actual, [*asked.evidence, *redeemed.evidence])


@judge("client.auth-state", "auth.state.verified", scenario=_STATES)
def state(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client sends a state, and drops a response that comes with another or with none."""
    _, asked = _asked(conversation)
    if not asked.parameters.get("state"):
        yield Mismatch("state", f"none in {brief(asked.parameters)}", asked.evidence)
    else:
        yield from _dropped(
            conversation, f"nothing done with a response without state {asked.parameters['state']}", "state"
        )


@judge("client.auth-response-issuer", "auth.response.issuer", "auth.issuer.recorded", scenario=_ISSUERS)
def response_issuer(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client redeems no code that comes with the iss of another, or without the iss that was promised."""
    yield from _dropped(conversation, "nothing done with a response that is not the issuer's", "iss")


@judge("client.auth-response-literal", "auth.response.issuer-literal", scenario=_LITERAL)
def response_literal(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client compares the iss of a response as it stands: one that is only alike is another."""
    yield from _dropped(
        conversation, "nothing done with a response whose iss is not letter by letter the issuer", "iss"
    )


@judge("client.auth-response-error", "auth.response.error-mismatch", scenario=names.ISS_ERROR)
def response_error(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client does not show the error that comes with the iss of another."""
    seen, asked = _asked(conversation)
    # A log may hold the whole address of the response, in which the blanks of the description are encoded.
    logs = [(entry, MARKER) for entry in conversation.entries if entry.direction is Direction.STDERR]
    pages = [(act.entry, word) for act in seen.acts if act.path == PAGE for word in (MARKER, ERROR)]
    telling = [(entry, word) for entry, word in (*logs, *pages) if word in entry.data.decode("utf-8", "replace")]
    for entry, word in telling[:1]:
        yield Mismatch("no word of the error", f"what it shows has: {word}", [*asked.evidence, entry.index])
    if not telling:
        yield None


# When another authorization server takes over -------------------------------------------------------


def _handed_over(conversation: Conversation) -> tuple[Traffic, Act, str, str]:
    """What told the client of the second authorization server, and the hosts of the first and of the second."""
    seen = reading(conversation)
    named = [(act, act.told["authorization_servers"][0].partition("//")[2]) for act in seen.resources]
    later = [(act, host) for act, host in named if host != named[0][1]]
    if not later:
        raise Blocked("the client did not learn that another authorization server is in charge")
    return seen, later[0][0], named[0][1], later[0][1]


@judge("client.auth-issuer-bound", "auth.issuer.bound", "auth.issuer.reuse", scenario=names.MOVED)
def issuer_bound(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What one authorization server issued is never shown to another."""
    seen, _, former, present = _handed_over(conversation)
    givers = [(act, value) for act in seen.acts if act.host == former for value in _issued(act)]
    for act in seen.acts:
        if act.host == present and ("/.well-known/" not in act.path):
            text = unquote(f"{act.target}\n{act.header('authorization')}\n{act.entry.data.decode('utf-8', 'replace')}")
            shown = next(((giver, value) for giver, value in givers if value in text), None)
            if shown is None:
                yield None
            else:
                actual = f"{shown[1]} of {former} at {present}"
                yield Mismatch("nothing of one at the other", actual, [*shown[0].evidence, *act.evidence])


def _issued(act: Act) -> list[str]:
    """What an authorization server gave in an answer."""
    given = [act.told.get(name) for name in ("client_id", "access_token", "refresh_token")]
    return [value for value in (*given, act.location.get("code")) if isinstance(value, str)]


@judge("client.auth-issuer-anew", "auth.issuer.anew", scenario=names.MOVED)
def issuer_anew(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client whose server has moved registers with the authorization server that is in charge now."""
    seen, told, former, present = _handed_over(conversation)
    later = [act for act in seen.acts if act.index > told.index and "/.well-known/" not in act.path]
    registered = any(act.host == present and act.path.endswith("/register") for act in later)
    others = [act for act in later if act.host == former or (act.host == present and _made_up(seen, act))]
    if registered:
        yield None
    elif others:
        actual = f"{others[0].method} {others[0].host}{others[0].target}"
        yield Mismatch(f"a registration at {present}", actual, [*told.evidence, *others[0].evidence])


def _made_up(seen: Traffic, act: Act) -> bool:
    """Whether a client gives an id that nobody gave it; one of another authorization server is another's finding."""
    given = {one.told.get("client_id") for one in seen.registrations}
    asked = act.client
    return asked is not None and asked not in given and "://" not in asked


@judge("client.auth-issuer-mismatch", "auth.issuer.mismatch", scenario=names.PREREGISTERED)
def issuer_mismatch(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client does not try its luck with an id that was agreed with another authorization server."""
    seen, told, former, present = _handed_over(conversation)
    using = [act for act in seen.dealings if act.client == names.PREREGISTERED_ID]
    if not any(act.host == former for act in using):
        raise Blocked("the client did not take the id that MCP_CONFORMANCE_CONTEXT gives it")
    tried = next((act for act in using if act.host == present), None)
    if tried is None:
        yield None
    else:
        wanted = f"no use of an id at {present} that was agreed with {former}"
        yield Mismatch(wanted, f"client_id {names.PREREGISTERED_ID}", [*told.evidence, *tried.evidence])
