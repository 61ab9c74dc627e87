"""Judges of authorization and token requests: resource, proof key, redirect address."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import urlsplit

from conformance.clients.authorization import names
from conformance.clients.authorization.traffic import Act, Traffic, reading
from conformance.clients.declare import judge
from conformance.clients.http_stage import PATH
from conformance.expect import Mismatch, brief, literal
from conformance.transcript import Conversation

_LOCAL = ("localhost", "127.0.0.1", "::1")


@judge("client.auth-resource", "auth.resource.sent", "auth.resource.always", scenario=names.ALL)
def resource(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every authorization request and every token request names the resource."""
    for act in _requests(reading(conversation)):
        fine = "resource" in act.parameters
        yield None if fine else Mismatch("resource", f"none in {brief(act.parameters)}", act.evidence)


def _requests(seen: Traffic) -> Iterator[Act]:
    yield from seen.authorizations
    yield from seen.tokens


def _resources(conversation: Conversation) -> Iterator[tuple[Traffic, Act, str]]:
    seen = reading(conversation)
    for act in _requests(seen):
        if "resource" in act.parameters:
            yield seen, act, act.parameters["resource"]


@judge("client.auth-resource-canonical", "auth.resource.canonical", scenario=names.ALL)
def resource_canonical(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The resource is an absolute URI with scheme and host, and without a fragment."""
    for _, act, named in _resources(conversation):
        fine = _is_absolute(named) and "#" not in named
        yield None if fine else Mismatch("an absolute URI without fragment", literal(named), act.evidence)


def _is_absolute(uri: str) -> bool:
    parts = urlsplit(uri)
    return bool(parts.scheme and parts.netloc)


@judge("client.auth-resource-server", "auth.resource.server", scenario=names.ALL)
def resource_server(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The resource is the server at which the client is going to use the token."""
    for seen, act, named in _resources(conversation):
        if _is_absolute(named):
            endpoint, said = f"http://{seen.server}{PATH}", _plain(named)
            fine = endpoint == said or endpoint.startswith(f"{said}/")
            yield None if fine else Mismatch(endpoint, literal(named), act.evidence)


def _plain(uri: str) -> str:
    """Return an address without what does not tell it from others: case, fragment, slash at the end."""
    parts = urlsplit(uri)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}".rstrip("/")


@judge("client.auth-resource-slash", "auth.uri.trailing-slash", scenario=names.ALL)
def resource_slash(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The resource has no slash at its end where the server is called without one."""
    for _, act, named in _resources(conversation):
        yield Mismatch("no slash at the end", literal(named), act.evidence) if named.endswith("/") else None


@judge("client.auth-resource-specific", "auth.resource.specific", scenario=names.ALL)
def resource_specific(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The resource has the path of the endpoint where the server says that it is called by it."""
    for seen, act, named in _resources(conversation):
        known = seen.before(act, seen.resources)
        wanted = str(known[-1].told.get("resource")) if known else ""
        if urlsplit(wanted).path and urlsplit(named).netloc.lower() == urlsplit(wanted).netloc:
            fine = urlsplit(named).path.strip("/") != ""
            yield None if fine else Mismatch(wanted, literal(named), [*known[-1].evidence, *act.evidence])


@judge("client.auth-pkce", "auth.pkce.used", scenario=names.ALL)
def pkce(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An authorization request has a code challenge, and the code is redeemed with the verifier that fits it."""
    seen = reading(conversation)
    granted: dict[str, Act] = {}
    for act in seen.authorizations:
        fine = bool(act.parameters.get("code_challenge"))
        yield None if fine else Mismatch("code_challenge", f"none in {brief(act.parameters)}", act.evidence)
        if fine and "code" in act.location:
            granted[act.location["code"]] = act
    for act in seen.tokens:
        asked = granted.get(act.parameters.get("code", ""))
        if asked is not None:
            fits = _fits(asked.parameters, act.parameters.get("code_verifier", ""))
            actual = f"code_verifier {literal(act.parameters.get('code_verifier'))}"
            wanted = f"the verifier of {asked.parameters['code_challenge']}"
            yield None if fits else Mismatch(wanted, actual, [*asked.evidence, *act.evidence])


def _fits(asked: dict[str, str], verifier: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    hashed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return asked["code_challenge"] in ((hashed,) if asked.get("code_challenge_method") == "S256" else (verifier,))


@judge("client.auth-pkce-s256", "auth.pkce.s256", scenario=names.ALL)
def pkce_s256(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The code challenge is made by S256."""
    for act in reading(conversation).authorizations:
        if act.parameters.get("code_challenge"):
            method = act.parameters.get("code_challenge_method")
            actual = f"code_challenge_method {literal(method)}"
            yield None if method == "S256" else Mismatch("code_challenge_method S256", actual, act.evidence)


@judge("client.auth-redirect-registered", "auth.redirect.registered", scenario=names.ALL)
def redirect_registered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The redirect address of an authorization request is one that the client has registered."""
    seen = reading(conversation)
    for act in seen.authorizations:
        asked, client = act.parameters.get("redirect_uri"), act.parameters.get("client_id")
        made = [one for one in seen.before(act, seen.registrations) if one.told.get("client_id") == client]
        registered = made[-1].sent.get("redirect_uris") if made else None
        if asked is not None and isinstance(registered, list):
            fine = _same_redirect(asked, registered)
            wanted = f"one of {brief(registered)}"
            yield None if fine else Mismatch(wanted, literal(asked), [*made[-1].evidence, *act.evidence])


def _same_redirect(asked: str, registered: list[object]) -> bool:
    """Compare in full, but for the port on the user's own machine (OAuth 2.1, section 2.3.1)."""
    return asked in registered or _portless(asked) in {_portless(one) for one in registered if isinstance(one, str)}


def _portless(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.hostname or "").geturl() if parts.hostname in _LOCAL else uri


@judge("client.auth-redirect-local", "auth.redirect.local-or-https", scenario=names.ALL)
def redirect_local(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A redirect address leads to the user's own machine, or is https."""
    for act in reading(conversation).authorizations:
        asked = act.parameters.get("redirect_uri")
        if asked is not None:
            parts = urlsplit(asked)
            fine = parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts.hostname or ""))
            yield None if fine else Mismatch("localhost, or https", literal(asked), act.evidence)


def _is_local(host: str) -> bool:
    return host in _LOCAL or host.startswith("127.") or host.endswith(".localhost")
