"""How a protected server and its authorization server behave in a scenario, as data.

What stands here by default is a server that does everything right, in the way in which most do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CHALLENGED", "STEP", "TOOL", "IssuerTerms", "Terms"]

CHALLENGED = "notes:read"
"""The scope that challenges name for everything but calls of tools."""
STEP = "notes:write"
"""The scope that calls of tools need where there is a step-up."""
TOOL = "test-tool"
"""The one tool of a protected server: the official suite's clients call it by this name."""


@dataclass(frozen=True, slots=True)
class IssuerTerms:
    """How an authorization server behaves.

    `path` is that of its issuer. `kind` is what it publishes: "oauth", "openid" or "" (nothing); `appended`: the OpenID
    configuration lies below the path. `claims`: the metadata name this issuer in place of its own. `methods` are
    the code challenge methods that it announces (None: it announces none). `registers` is "yes", "refuses" or "no",
    `documents` whether it takes metadata documents. `promises` is what it says of an iss in its responses (None:
    nothing), `iss` and `state` are what they have ("own", "none", or something wrong), `error`: it refuses.
    `refreshes`: refresh tokens come with the others. `sealed`: its token endpoint is the one behind a certificate that
    nobody trusts.
    """

    path: str = ""
    kind: str = "oauth"
    appended: bool = False
    claims: str | None = None
    methods: tuple[str, ...] | None = ("S256",)
    registers: str = "yes"
    documents: bool = False
    promises: bool | None = True
    iss: str = "own"
    state: str = "own"
    error: bool = False
    refreshes: bool = True
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How a protected server behaves.

    `challenge` names the form of its challenges (see `challenges`). `places` is where its metadata lie: "named" (at an
    address that only the challenge tells), "path" and "root" of the well-known ones, or nowhere. `decoys`: false
    metadata lie where a client that reads challenges does not look. `scope` is what challenges ask for, `supported`
    what the metadata list; they are about `resource`, by default the server itself. `steps` is how often a call is
    refused for lack of scope. `expires`: the first token has run out when the tools are listed. `moves`: so it has, and
    then another authorization server is in charge. `opens`: the handshake needs no token. `early`: the server is its
    own authorization server.
    """

    challenge: str = "named"
    places: tuple[str, ...] = ("named",)
    decoys: bool = False
    scope: str | None = CHALLENGED
    supported: tuple[str, ...] | None = None
    resource: str | None = None
    steps: int = 0
    expires: bool = False
    moves: bool = False
    opens: bool = False
    early: bool = False
    issuer: IssuerTerms = field(default_factory=IssuerTerms)
