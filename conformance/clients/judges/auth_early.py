"""Judges of authorization as the first revision with HTTP has it: the server is its own authorization server."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.authorization import names
from conformance.clients.authorization.traffic import Act, Traffic, ended, reading
from conformance.clients.declare import judge
from conformance.expect import Blocked, Mismatch
from conformance.transcript import Conversation
from reference_impl.protocol.streamable import PROTOCOL_VERSION

_PLACE = "/.well-known/oauth-authorization-server"
_DEFAULT = ("/authorize", "/token", "/register")


def _asked(acts: list[Act]) -> str:
    return ", ".join(f"{act.method} {act.path}" for act in acts) or "nothing"


def _beside(seen: Traffic) -> list[Act]:
    return [act for act in seen.acts if not act.at_endpoint]


def _metadata(seen: Traffic) -> Act | None:
    return next((act for act in seen.acts if act.path == _PLACE and act.host == seen.server), None)


@judge("client.auth-early-place", "auth.early.metadata-place", "auth.early.base-url", scenario=names.EARLY)
def early_place(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client looks for the metadata right below the origin, whatever path the endpoint has."""
    seen = reading(conversation)
    found = _metadata(seen)
    if found is None and not ended(conversation):
        raise Blocked("the client neither looked there nor ended by itself")
    beside = _beside(seen)
    evidence = [index for act in beside[:3] for index in act.evidence]
    yield None if found is not None else Mismatch(f"GET {_PLACE}", _asked(beside), evidence)


@judge("client.auth-early-version", "auth.early.version-header", scenario=(names.EARLY, names.EARLY_PATHS))
def early_version(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that fetches the metadata names its revision in MCP-Protocol-Version."""
    found = _metadata(reading(conversation))
    if found is not None:
        fine = found.header(PROTOCOL_VERSION) is not None
        yield None if fine else Mismatch(PROTOCOL_VERSION, "no such header", found.evidence)


@judge("client.auth-early-first", "auth.early.metadata-first", scenario=names.EARLY_PATHS)
def early_first(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client asks for the metadata before it makes do with default paths."""
    seen = reading(conversation)
    dealings, found = seen.dealings, _metadata(seen)
    if dealings:
        fine = found is not None and found.index < dealings[0].index
        yield None if fine else Mismatch(f"GET {_PLACE} first", _asked(_beside(seen)), dealings[0].evidence)


@judge("client.auth-early-paths", "auth.early.default-paths-used", "auth.early.base-url", scenario=names.EARLY_PATHS)
def early_paths(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that finds no metadata turns to /authorize, /token and /register below the origin."""
    seen = reading(conversation)
    dealings, found = seen.dealings, _metadata(seen)
    for act in dealings:
        fine = act.host == seen.server and act.path in _DEFAULT
        mismatch = Mismatch(" or ".join(_DEFAULT), f"{act.method} {act.host}{act.path}", act.evidence)
        mismatch.breaks = "auth.early.base-url"
        yield None if fine else mismatch
    if not dealings and found is not None:
        if not ended(conversation):
            raise Blocked("the client neither turned to a default path nor ended by itself")
        yield Mismatch(" or ".join(_DEFAULT), "nothing after the metadata were not there", found.evidence)
