"""Protected servers, each with one oddity of discovery, registration, consent or tokens. The plain one tells whether
the client authorizes itself at all: only then are the others played, and it is the positive twin of each."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.catalogue import load
from conformance.clients.authorization import browser, documents, names
from conformance.clients.authorization.guard import ENOUGH
from conformance.clients.authorization.issuer import FOREIGN
from conformance.clients.authorization.terms import CHALLENGED, TOOL, IssuerTerms, Terms
from conformance.clients.authorization.town import FIRST, PAGE, SEALED, SECOND, Town
from conformance.clients.authorization.traffic import SILENT, traffic
from conformance.clients.offer import Offer
from conformance.clients.reply import HttpRequest, RawReply
from conformance.clients.scenario import Behaviour, Listener, Scenario, Scene
from conformance.expect import Inapplicable
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import Revision

_BROWSER = f"{shlex.join([sys.executable, '-S', browser.__file__])} %s"
_ORIGINS = (Listener(FIRST), Listener(SECOND), Listener(SEALED, tls=True))
_TOOL = {"name": TOOL, "description": "Reads a note.", "inputSchema": {"type": "object", "properties": {}}}
_KNOWN = {"client_id": names.PREREGISTERED_ID, "client_secret": names.PREREGISTERED_SECRET}


def _needs(probes: Sequence[Conversation]) -> str | Inapplicable | None:
    for conversation in probes:
        seen = traffic(conversation)
        if not seen.took_part:
            return Inapplicable(SILENT)
        if not any(act.bearer and act.status < 400 for act in seen.endpoint):
            return (
                f"the client comes to no token where everything is as usual (scenario {names.USUAL} or {names.EARLY})"
            )
    return None


@dataclass(frozen=True, slots=True)
class _Script:
    """What a scenario adds to its terms: what the official suite calls the like, what the client is told beforehand,
    and whether its URL has capitals."""

    terms: Terms
    official: str = "metadata-default"
    context: Mapping[str, Any] = field(default_factory=dict)
    capitals: bool = False

    def begin(self, scene: Scene) -> Behaviour:
        """Return the behaviour towards one client."""
        town = Town(self.terms, scene.url.removesuffix("/mcp"), scene.urls)
        scene.conversation.revision = scene.revision.name
        name = f"auth/{self.official.format(revision=scene.revision.name)}"
        told = {"name": name, "issuer": town.first.issuer, **self.context} if self.context else {}

        async def take(request: HttpRequest) -> RawReply | None:
            if self.terms.issuer.documents and request.path.endswith("/authorize"):
                await documents.fetch(request.query.get("client_id", ""), scene.conversation)
            return town.take(request)

        return Behaviour(
            http=take,
            offer=_offer,
            address=_in_capitals if self.capitals else str,
            official=name,
            context=told,
            variables={"BROWSER": _BROWSER, browser.SHOWN: f"{scene.urls[FIRST]}{PAGE}"},
        )


def _offer(_: Revision) -> Offer:
    return Offer(((_TOOL,),))


def _in_capitals(url: str) -> str:
    scheme, _, rest = url.partition(":")
    return f"{scheme.upper()}:{rest}"


def _scenario(name: str, title: str, row: str, script: _Script, probe: str = names.USUAL) -> Scenario:
    """Return a scenario that is played where a requirement binds."""
    return Scenario(
        name,
        title,
        script.begin,
        binds=lambda revision: load()[row].binds(revision, "http"),
        transports=("http",),
        needs=_needs,
        probe=probe,
        listeners=_ORIGINS,
        apart=True,
    )


def _with(**changes: Any) -> Terms:
    """Return the usual terms, with an authorization server that differs."""
    return Terms(issuer=IssuerTerms(**changes))


_SUPPORTED = (CHALLENGED, "notes:list", "notes:admin")
USUAL = replace(
    _scenario(
        names.USUAL,
        "is protected: its challenge names its metadata and a scope, and false metadata lie where it does not lead",
        "auth.discovery.by-resource-metadata",
        _Script(Terms(decoys=True, supported=_SUPPORTED)),
    ),
    needs=lambda _: None,
    probe="plain",
)
CHALLENGE = _scenario(
    names.CHALLENGE,
    "is protected, and its challenge is the second of two header fields, with a scope that its metadata do not list",
    "auth.discovery.challenge-read",
    _Script(Terms("two-fields", supported=("profile",))),
)
TENANT = _scenario(
    names.TENANT,
    "is protected, its challenge comes second in one header field, and the issuer in charge has a path",
    "auth.discovery.issuer-with-path",
    _Script(Terms("second-scheme", issuer=IssuerTerms("/tenant")), "metadata-var3"),
)
FALLBACK = _scenario(
    names.FALLBACK,
    "is protected, has metadata at its root alone, and an issuer with OpenID configuration below its path",
    "auth.discovery.well-known-order",
    _Script(
        Terms(
            "bare",
            ("root",),
            scope=None,
            issuer=IssuerTerms("/tenant", "openid", appended=True, promises=None, iss="none"),
        ),
        "metadata-var2",
    ),
)
OPENID = _scenario(
    names.OPENID,
    "is protected, names no scope but lists some, and its authorization server has OpenID configuration alone",
    "auth.discovery.both-kinds",
    _Script(
        Terms("bare", ("path",), scope=None, supported=_SUPPORTED, issuer=IssuerTerms(kind="openid", promises=None)),
        "metadata-var1",
    ),
)
STEP_UP = _scenario(
    names.STEP_UP,
    "refuses calls of tools until the token has one more scope",
    "auth.step-up.answered",
    _Script(Terms(supported=("profile",), steps=3), "scope-step-up"),
)
STEP_UP_REFUSED = _scenario(
    names.STEP_UP_REFUSED,
    "refuses calls of tools for lack of scope whatever the token has",
    "auth.step-up.limited",
    _Script(Terms(supported=("profile",), steps=ENOUGH), "scope-retry-limit"),
)
EXPIRY = _scenario(
    names.EXPIRY,
    "issues no refresh tokens, and takes a token for run out when the tools are listed",
    "auth.refresh.unassumed",
    _Script(Terms(expires=True, issuer=IssuerTerms(refreshes=False)), "offline-access-not-supported"),
)
REFRESH = _scenario(
    names.REFRESH,
    "issues refresh tokens, and takes a token for run out when the tools are listed",
    "auth.resource.sent",
    _Script(Terms(expires=True)),
)
RESOURCE_OTHER = _scenario(
    names.RESOURCE_OTHER,
    "is protected, and its metadata are about another server",
    "auth.resource.server",
    _Script(Terms(resource=f"{FOREIGN}/mcp"), "resource-mismatch"),
)
STATE_OTHER = _scenario(
    names.STATE_OTHER,
    "has an authorization server that answers with another state",
    "auth.state.verified",
    _Script(_with(state="other")),
)
STATE_NONE = _scenario(
    names.STATE_NONE,
    "has an authorization server that answers without state",
    "auth.state.verified",
    _Script(_with(state="none")),
)
NO_PKCE = _scenario(
    names.NO_PKCE,
    "has an authorization server whose OAuth metadata announce no PKCE",
    "auth.pkce.absent",
    _Script(_with(methods=None)),
)
NO_PKCE_OPENID = _scenario(
    names.NO_PKCE_OPENID,
    "has an authorization server whose OpenID configuration announces no PKCE",
    "auth.pkce.absent-openid",
    _Script(_with(kind="openid", methods=None)),
)
ISSUER_OTHER = _scenario(
    names.ISSUER_OTHER,
    "has an authorization server whose metadata name another issuer",
    "auth.discovery.issuer-validated",
    _Script(_with(claims=FOREIGN), "metadata-issuer-mismatch"),
)
ISS_MISSING = _scenario(
    names.ISS_MISSING,
    "has an authorization server that promises an iss and sends none",
    "auth.response.issuer",
    _Script(_with(iss="none"), "iss-supported-missing"),
)
ISS_FOREIGN = _scenario(
    names.ISS_FOREIGN,
    "has an authorization server that answers with the iss of another",
    "auth.response.issuer",
    _Script(_with(iss="foreign"), "iss-wrong-issuer"),
)
ISS_UNPROMISED = _scenario(
    names.ISS_UNPROMISED,
    "has an authorization server that promises no iss and answers with that of another",
    "auth.response.issuer",
    _Script(_with(promises=False, iss="foreign"), "iss-unexpected"),
)
ISS_SLASH = _scenario(
    names.ISS_SLASH,
    "has an authorization server whose iss has a slash too many",
    "auth.response.issuer-literal",
    _Script(_with(iss="slash"), "iss-normalized"),
)
ISS_CASE = _scenario(
    names.ISS_CASE,
    "has an authorization server whose iss has a scheme in capitals",
    "auth.response.issuer-literal",
    _Script(_with(iss="case"), "iss-normalized"),
)
ISS_PERCENT = _scenario(
    names.ISS_PERCENT,
    "has an authorization server whose iss has a letter in percent-encoding",
    "auth.response.issuer-literal",
    _Script(_with(path="/tenant", iss="percent"), "iss-normalized"),
)
ISS_ERROR = _scenario(
    names.ISS_ERROR,
    "has an authorization server that answers with an error and the iss of another",
    "auth.response.error-mismatch",
    _Script(_with(iss="foreign", error=True), "iss-wrong-issuer"),
)
MOVED = _scenario(
    names.MOVED,
    "moves to another authorization server when the tools are listed",
    "auth.issuer.bound",
    _Script(Terms(moves=True), "authorization-server-migration"),
)
PREREGISTERED = _scenario(
    names.PREREGISTERED,
    "has an authorization server that knows the client, and moves to another when the tools are listed",
    "auth.registration.static",
    _Script(Terms(moves=True, issuer=IssuerTerms(registers="refuses")), "pre-registration", _KNOWN),
)
DOCUMENTS = _scenario(
    names.DOCUMENTS,
    "has an authorization server that takes metadata documents and registers no client",
    "auth.registration.documents",
    _Script(_with(documents=True, registers="refuses"), "basic-cimd"),
)
REGISTRATION_REFUSED = _scenario(
    names.REGISTRATION_REFUSED,
    "has an authorization server that registers no client with such a redirect address",
    "auth.registration.refused",
    _Script(_with(registers="refuses")),
)
CAPITALS = _scenario(
    names.CAPITALS,
    "is protected, and its URL is given to the client with a scheme in capitals",
    "auth.uri.case",
    _Script(Terms(), capitals=True),
)
CERTIFICATE = _scenario(
    names.CERTIFICATE,
    "has an authorization server whose token endpoint shows a certificate that nobody trusts",
    "auth.communication.secure",
    _Script(_with(sealed=True)),
)
EARLY = replace(
    _scenario(
        names.EARLY,
        "is protected once the session is open, and its own authorization server, with metadata at its origin",
        "auth.early.metadata-place",
        _Script(
            Terms("bare", (), scope=None, opens=True, early=True, issuer=IssuerTerms(promises=None, iss="none")),
            "{revision}-oauth-metadata-backcompat",
        ),
    ),
    needs=lambda _: None,
    probe="plain",
)
EARLY_PATHS = _scenario(
    names.EARLY_PATHS,
    "is protected once the session is open, and its own authorization server, at the default paths",
    "auth.early.default-paths-used",
    _Script(
        Terms("bare", (), scope=None, opens=True, early=True, issuer=IssuerTerms(kind="", promises=None, iss="none")),
        "{revision}-oauth-endpoint-fallback",
    ),
    probe=names.EARLY,
)
