"""Judges of discovery: from the challenge to the metadata of the server, and from there to those of its issuer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from conformance.clients.authorization import names
from conformance.clients.authorization.guard import NAMED, WELL_KNOWN
from conformance.clients.authorization.traffic import Act, Traffic, ended, reading, traffic
from conformance.clients.declare import judge
from conformance.clients.http_stage import PATH
from conformance.expect import Blocked, Mismatch
from conformance.transcript import Conversation

_OAUTH, _OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
_OTHER_SCHEMES = ("x-api-key", "api-key", "x-auth-token")
_UNDONE = "the client neither did it nor ended by itself"


def _asked(acts: Iterator[Act] | list[Act]) -> str:
    """What was asked for, in order, for a reader."""
    return ", ".join(f"{act.method} {act.path}" for act in acts) or "nothing"


def _beside(seen: Traffic) -> list[Act]:
    """What the client asked for beside the endpoint."""
    return [act for act in seen.acts if not act.at_endpoint]


def _first(seen: Traffic, path: str, host: str | None = None) -> Act | None:
    found = (act for act in seen.acts if act.path == path and host in (None, act.host))
    return next(found, None)


def _sooner(one: Act | None, other: Act | None) -> bool:
    """Whether one was answered before the other was asked for: what goes out side by side has no order."""
    if one is None or one.reply is None:
        return False
    return other is None or one.reply.index < other.index


@judge("client.auth-challenge-read", "auth.discovery.challenge-read", scenario=(names.CHALLENGE, names.TENANT))
def challenge_read(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client understands a challenge in each form that HTTP allows, and goes to the metadata that it names."""
    seen = traffic(conversation)
    refused = seen.refused
    if refused is None:
        raise Blocked("the client sent nothing that could be refused")
    fetched = _first(seen, NAMED) is not None
    if not fetched and not ended(conversation):
        raise Blocked(_UNDONE)
    yield (
        None
        if fetched
        else Mismatch(f"GET {NAMED}, which the challenge names", _asked(_beside(seen)), refused.evidence)
    )


@judge("client.auth-challenge-address", "auth.discovery.challenge-address", scenario=names.USUAL)
def challenge_address(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client takes the metadata of the server from the address that the challenge gives, and from no other."""
    seen = _once_refused(conversation)
    named = _first(seen, NAMED)
    built = [act for act in seen.acts if act.path in (f"{WELL_KNOWN}{PATH}", WELL_KNOWN)]
    followed = [act for act in seen.acts if act.host == seen.server and act.path == f"{_OAUTH}/decoy"]
    wrong = followed or (built if named is None else [])
    for act in wrong[:1]:
        yield Mismatch(f"GET {NAMED}, which the challenge names", f"GET {act.target}", _with_refusal(seen, act))
    if named is not None and not wrong:
        yield None


def _once_refused(conversation: Conversation) -> Traffic:
    """What the client did from its first refusal on: before, it could know of no challenge."""
    seen = reading(conversation)
    refused = seen.refused
    if refused is None:
        raise Blocked("the client sent nothing that could be refused")
    early = [act for act in seen.acts if act.index < refused.index and not act.at_endpoint]
    if early:
        raise Blocked("the client looked for metadata before it was refused, when no challenge could lead it")
    return seen


def _with_refusal(seen: Traffic, act: Act) -> list[int]:
    return [*(seen.refused.evidence if seen.refused is not None else []), *act.evidence]


@judge("client.auth-resource-metadata", "auth.discovery.by-resource-metadata", scenario=names.USUAL)
def resource_metadata(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client deals with the authorization server that the metadata of the server name, and with no other."""
    seen = _once_refused(conversation)
    for act in seen.dealings:
        named = [issuer for one in seen.before(act, seen.resources) for issuer in one.told["authorization_servers"]]
        by = [one.told.get("issuer") for one in seen.before(act, seen.authorities) if _url(act) in one.told.values()]
        if by:
            fine = any(issuer in named for issuer in by)
            wanted = f"an authorization server that was named: {', '.join(named) or 'none yet'}"
            yield None if fine else Mismatch(wanted, f"{act.method} {_url(act)}", _with_refusal(seen, act))


def _url(act: Act) -> str:
    scheme = "https" if act.entry.aside == "sealed" else "http"
    return f"{scheme}://{act.host}{act.path}"


@judge(
    "client.auth-endpoints",
    "auth.discovery.followed",
    "auth.discovery.server-metadata",
    scenario=(names.USUAL, names.CHALLENGE, names.TENANT, names.FALLBACK, names.OPENID, names.EARLY),
)
def endpoints(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client takes the addresses of all endpoints from metadata, and makes up none."""
    seen = reading(conversation)
    for act in seen.dealings:
        known = {value for one in seen.before(act, seen.authorities) for value in map(str, one.told.values())}
        if not known and conversation.purpose != names.USUAL:
            continue  # it lost its way before, which is another's finding
        wanted = f"one of {', '.join(sorted(value for value in known if '/go/' in value))}"
        yield None if _url(act) in known else Mismatch(wanted, f"{act.method} {_url(act)}", act.evidence)


@judge("client.auth-conformant", "auth.conformant", scenario=(names.USUAL, names.EARLY))
def conformant(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client answers a challenge for a bearer token by a bearer token."""
    seen = reading(conversation)
    for act in seen.endpoint:
        if seen.refused is None or act.index <= seen.refused.index:
            continue
        if act.bearer:
            yield None
        else:
            given = act.header("authorization") or next(filter(None, map(act.header, _OTHER_SCHEMES)), None)
            if given is not None:
                yield Mismatch("authorization: Bearer", f"credentials of another kind: {given}", act.evidence)


# Where the metadata lie -----------------------------------------------------------------------------


@judge("client.auth-well-known", "auth.discovery.well-known-order", scenario=(names.FALLBACK, names.OPENID))
def well_known(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Without an address in the challenge, a client asks below the endpoint's path first, and then at the root."""
    seen = traffic(conversation)
    path, root = (_first(seen, place, seen.server) for place in (f"{WELL_KNOWN}{PATH}", WELL_KNOWN))
    wanted = f"{WELL_KNOWN}{PATH}, then {WELL_KNOWN}"
    evidence = [index for act in (path, root) if act is not None for index in act.evidence]
    if _sooner(root, path):
        yield Mismatch(wanted, _asked(_beside(seen)), evidence)
    elif path is not None and path.status == 404 and root is None:
        if not ended(conversation):
            raise Blocked(_UNDONE)
        yield Mismatch(wanted, _asked(_beside(seen)), evidence)
    elif path is not None:
        yield None


def _of_issuer(seen: Traffic) -> list[Act]:
    """The requests for metadata of the issuer."""
    known = any(seen.resources)
    return [act for act in seen.acts if known and act.host != seen.server and "/.well-known/" in act.path]


@judge("client.auth-issuer-plain", "auth.discovery.both-kinds", "auth.discovery.issuer-plain", scenario=names.OPENID)
def issuer_plain(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client finds the OpenID configuration of an issuer that has no OAuth metadata."""
    seen = traffic(conversation)
    asked = _of_issuer(seen)
    if not asked:
        raise Blocked("the client did not look for the metadata of the issuer")
    fine = any(act.path == _OPENID for act in asked)
    if not fine and not ended(conversation):
        raise Blocked(_UNDONE)
    yield None if fine else Mismatch(f"GET {_OPENID}", _asked(asked), asked[-1].evidence)


@judge("client.auth-issuer-path", "auth.discovery.issuer-with-path", scenario=(names.TENANT, names.FALLBACK))
def issuer_path(conversation: Conversation) -> Iterator[Mismatch | None]:
    """For an issuer with a path a client tries in this order: OAuth, OpenID, and OpenID below the path."""
    seen = traffic(conversation)
    asked = _of_issuer(seen)
    if not asked:
        raise Blocked("the client did not look for the metadata of the issuer")
    places = (f"{_OAUTH}/tenant", f"{_OPENID}/tenant", f"/tenant{_OPENID}")
    first = [_first(seen, place, asked[0].host) for place in places]
    needed = first if conversation.purpose == names.FALLBACK else first[:1]
    mixed = any(_sooner(later, sooner) for sooner, later in itertools.pairwise(first))
    if not mixed and None in needed and not ended(conversation):
        raise Blocked(_UNDONE)
    fine = not mixed and None not in needed
    yield None if fine else Mismatch(", ".join(places[: len(needed)]), _asked(asked), asked[-1].evidence)


# What they say --------------------------------------------------------------------------------------


def _undealt(conversation: Conversation, counts: Callable[[Act, Act], bool], wrong: str) -> Iterator[Mismatch | None]:
    """Of an authorization server whose metadata rule it out, nothing is asked that counts (by them)."""
    seen = reading(conversation)
    read = next(seen.authorities, None)
    if read is None:
        raise Blocked("the client did not read the metadata of the authorization server")
    acts = [act for act in seen.dealings if act.index > read.index and counts(act, read)]
    for act in acts[:1]:
        yield Mismatch(wrong, f"{act.method} {act.path}", [*read.evidence, *act.evidence])
    if not acts:
        yield None


@judge(
    "client.auth-issuer-validated",
    "auth.discovery.issuer-validated",
    "auth.discovery.issuer-mismatch",
    scenario=names.ISSUER_OTHER,
)
def issuer_validated(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client makes no use of metadata that name another issuer than the one that it looked for."""
    wanted = "nothing asked of the endpoints in metadata of another issuer"
    yield from _undealt(conversation, lambda act, read: _url(act) in read.told.values(), wanted)


def _authorizes(act: Act, _: Act) -> bool:
    return act.path.endswith("/authorize")


@judge("client.auth-pkce-absent", "auth.pkce.verified", "auth.pkce.absent", scenario=names.NO_PKCE)
def pkce_absent(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client goes no further with an authorization server whose OAuth metadata announce no PKCE."""
    yield from _undealt(conversation, _authorizes, "no authorization request without code_challenge_methods_supported")


@judge("client.auth-pkce-absent-openid", "auth.pkce.absent-openid", scenario=names.NO_PKCE_OPENID)
def pkce_absent_openid(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client goes no further with an authorization server whose OpenID configuration announces no PKCE."""
    yield from _undealt(conversation, _authorizes, "no authorization request without code_challenge_methods_supported")


@judge("client.auth-capitals", "auth.uri.case", scenario=names.CAPITALS)
def capitals(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client understands the address of a server whose scheme is written in capitals."""
    seen = traffic(conversation)
    fine = any(act.bearer and act.status < 400 for act in seen.endpoint)
    if not fine and not ended(conversation):
        raise Blocked(_UNDONE)
    actual = f"the client gave up after: {_asked(list(seen.acts))}"
    yield None if fine else Mismatch("a client that works with HTTP://", actual, [act.index for act in seen.acts[-4:]])


@judge("client.auth-certificate", "auth.communication.secure", scenario=names.CERTIFICATE)
def certificate(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client sends no code to a token endpoint whose certificate no trusted authority has signed."""
    seen = reading(conversation)
    given = next((act for act in seen.authorizations if "code" in act.location), None)
    if given is None:
        raise Blocked("the client got no code that it could have redeemed")
    sent = [act for act in seen.acts if act.entry.aside == "sealed"]
    for act in sent[:1]:
        yield Mismatch("nothing sent there", f"{act.method} {_url(act)}", [*given.evidence, *act.evidence])
    if not sent:
        yield None
