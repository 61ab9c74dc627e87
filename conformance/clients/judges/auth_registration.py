"""Judges of registration: who a client says that it is, and in which order it tries the ways to be somebody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from conformance.clients.authorization import names
from conformance.clients.authorization.documents import fetched
from conformance.clients.authorization.traffic import Act, ended, reading
from conformance.clients.declare import judge
from conformance.expect import Blocked, Mismatch, brief, literal
from conformance.transcript import Conversation, Direction

_NOBODY = ("", "undefined", "null", "None")
_MANY = 10
_EVERYWHERE = tuple(name for name in names.ALL if name != names.REGISTRATION_REFUSED)


@judge("client.auth-client-id", "auth.registration.client-id", "auth.registration.dynamic-last", scenario=_EVERYWHERE)
def client_id(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client has an id, by a registration if by nothing else, before it sends a user to authorize."""
    for act in reading(conversation).authorizations:
        asked = act.parameters.get("client_id", "")
        yield Mismatch("a client_id", f"client_id {literal(asked)}", act.evidence) if asked in _NOBODY else None


@judge(
    "client.auth-registers", "auth.registration.dynamic", "auth.early.registration", scenario=(names.USUAL, names.EARLY)
)
def registers(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client without an id registers itself where the authorization server registers clients."""
    seen = reading(conversation)
    read = next(seen.authorities, None)
    made = next(seen.registrations, None)
    if made is not None:
        fine = isinstance(made.sent.get("redirect_uris"), list)
        yield (
            None
            if fine
            else Mismatch("redirect_uris in JSON", brief(made.entry.data.decode("utf-8", "replace")), made.evidence)
        )
    elif read is None or any(seen.authorizations) or not ended(conversation):
        raise Blocked("the client had an id from elsewhere, or did not get so far")
    else:
        yield Mismatch(
            "a registration at the registration_endpoint", "none, and no authorization request", read.evidence
        )


def _registrations(conversation: Conversation) -> Iterator[tuple[Act, dict[str, Any]]]:
    yield from ((act, act.sent) for act in reading(conversation).registrations)


@judge("client.auth-application-type", "auth.registration.application-type", scenario=names.ALL)
def application_type(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that registers itself states an application_type."""
    for act, sent in _registrations(conversation):
        said = sent.get("application_type")
        fine = said in ("native", "web")
        yield None if fine else Mismatch('"native" or "web"', f"application_type {literal(said)}", act.evidence)


@judge("client.auth-native", "auth.registration.native", scenario=names.ALL)
def native(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client whose redirect addresses lead to the user's own machine registers as native."""
    for act, sent in _registrations(conversation):
        addresses = sent.get("redirect_uris")
        local = isinstance(addresses, list) and addresses and all(map(_is_local, addresses))
        if local and sent.get("application_type") in ("native", "web"):
            fine = sent["application_type"] == "native"
            yield None if fine else Mismatch("native", f"web, with {brief(addresses)}", act.evidence)


def _is_local(address: object) -> bool:
    host = urlsplit(address).hostname or "" if isinstance(address, str) else ""
    return host in ("localhost", "::1") or host.startswith("127.")


@judge("client.auth-refresh-grant", "auth.refresh.grant-type", scenario=names.ALL)
def refresh_grant(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that wants refresh tokens lists refresh_token among the grant_types with which it registers."""
    seen = reading(conversation)
    uses = [act for act in seen.tokens if act.parameters.get("grant_type") == "refresh_token"]
    wants = [act for act in seen.authorizations if "offline_access" in (act.scopes or ())]
    for act, sent in _registrations(conversation):
        listed = sent.get("grant_types")
        fine = isinstance(listed, list) and "refresh_token" in listed
        later = [one for one in (*uses, *wants) if one.index > act.index]
        if fine or later:
            evidence = [*act.evidence, *(later[0].evidence if later else [])]
            yield None if fine else Mismatch("refresh_token in grant_types", f"grant_types {brief(listed)}", evidence)


@judge("client.auth-registration-refused", "auth.registration.refused", scenario=names.REGISTRATION_REFUSED)
def registration_refused(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client whose registration is refused tries another way or ends in good order."""
    seen = reading(conversation)
    tried = list(seen.registrations)
    if not tried:
        raise Blocked("the client did not try to register itself")
    lost = [act for act in seen.authorizations if act.parameters.get("client_id", "") in _NOBODY]
    crashed = any(entry.data.startswith(b"exit status -") for entry in conversation.entries if _tells(entry.direction))
    if lost:
        evidence = [*tried[0].evidence, *lost[0].evidence]
        yield Mismatch("no authorization request without an id", lost[0].target, evidence)
    elif len(tried) > _MANY or crashed:
        actual = "a crash" if crashed else f"{len(tried)} registrations"
        yield Mismatch("another way, or an end", actual, tried[0].evidence)
    else:
        yield None


def _tells(direction: Direction) -> bool:
    return direction is Direction.PROCESS


# An id from before ----------------------------------------------------------------------------------


@judge(
    "client.auth-preregistered",
    "auth.registration.static",
    "auth.registration.preregistered-first",
    scenario=names.PREREGISTERED,
)
def preregistered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that was given an id for an authorization server uses that id, before it tries any other way."""
    seen = reading(conversation)
    used = next((act for act in seen.dealings if act.client == names.PREREGISTERED_ID), None)
    if used is None:
        raise Blocked("the client did not take the id that MCP_CONFORMANCE_CONTEXT gives it")
    tried = [act for act in seen.dealings if act.index < used.index]
    for act in tried[:1]:
        wanted = f"client_id {names.PREREGISTERED_ID} at once"
        yield Mismatch(wanted, f"{act.method} {act.target}", [*act.evidence, *used.evidence])
    if not tried:
        yield None


# Metadata documents ---------------------------------------------------------------------------------


def _documented(conversation: Conversation) -> Iterator[Act]:
    """The authorization requests whose client id is a URL."""
    seen = reading(conversation)
    return (act for act in seen.authorizations if "://" in act.parameters.get("client_id", ""))


@judge(
    "client.auth-documents", "auth.registration.documents", "auth.registration.document-next", scenario=names.DOCUMENTS
)
def documents(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client with a metadata document identifies itself by it where such are taken, before it would register."""
    used = next(_documented(conversation), None)
    if used is None:
        raise Blocked("the client has no metadata document, or was not told of it")
    tried = next((act for act in reading(conversation).registrations if act.index < used.index), None)
    if tried is None:
        yield None
    else:
        wanted = "the URL of the metadata document as client_id at once"
        yield Mismatch(wanted, f"a registration first: POST {tried.path}", [*tried.evidence, *used.evidence])


@judge(
    "client.auth-document-url", "auth.registration.document-url", "auth.registration.document-draft", scenario=names.ALL
)
def document_url(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A URL that a client uses as its id is https, has a path, and nothing that its draft forbids."""
    for act in _documented(conversation):
        url = act.parameters["client_id"]
        parts = urlsplit(url)
        shaped = parts.scheme == "https" and parts.path not in ("", "/")
        segments = {".", ".."} & set(parts.path.split("/"))
        clean = "#" not in url and "@" not in parts.netloc and not segments
        wanted = "an https URL with a path, without fragment, user name and dot segments"
        mismatch = Mismatch(wanted, literal(url), act.evidence)
        mismatch.breaks = "auth.registration.document-draft" if shaped else "auth.registration.document-url"
        yield None if shaped and clean else mismatch


@judge("client.auth-document-support", "auth.registration.document-support", scenario=names.ALL)
def document_support(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client presents a metadata document only where the authorization server says that it takes such."""
    seen = reading(conversation)
    for act in _documented(conversation):
        fine = seen.authority(act).get("client_id_metadata_document_supported") is True
        known = [one for one in seen.before(act, seen.authorities) if one.host == act.host]
        evidence = [*(known[-1].evidence if known else []), *act.evidence]
        actual = f"client_id {literal(act.parameters['client_id'])}"
        wanted = "no URL as client_id without client_id_metadata_document_supported"
        yield None if fine else Mismatch(wanted, actual, evidence)


@judge(
    "client.auth-document",
    "auth.registration.document-https",
    "auth.registration.document-members",
    "auth.registration.document-identity",
    "auth.registration.document-draft",
    scenario=names.DOCUMENTS,
)
def document(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The metadata document of a client is JSON at its https URL, tells who and where the client is, and no secret."""
    used = next(_documented(conversation), None)
    if used is None:
        raise Blocked("the client has no metadata document, or was not told of it")
    url = used.parameters["client_id"]
    found = fetched(conversation)
    if found is None:
        raise Blocked(f"nothing is fetched from beyond this machine: {url}")
    entry, told = found
    for breaks, fine, wanted in _document_rules(url, told):
        if not fine:
            mismatch = Mismatch(wanted, brief(entry.data.decode("utf-8", "replace")), [*used.evidence, entry.index])
            mismatch.breaks = f"auth.registration.document-{breaks}"
            yield mismatch
            return
    yield None


def _document_rules(url: str, told: dict[str, Any] | None) -> Iterator[tuple[str, bool, str]]:
    yield "https", told is not None, f"a JSON object at {url}"
    held = told or {}
    yield (
        "members",
        {"client_id", "client_name", "redirect_uris"} <= held.keys(),
        "client_id, client_name, redirect_uris",
    )
    yield "identity", held.get("client_id") == url, f"client_id {url}"
    secret = "client_secret" in held or "client_secret" in str(held.get("token_endpoint_auth_method"))
    yield "draft", not secret, "no secret that client and authorization server would share"
