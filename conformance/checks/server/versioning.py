"""Checks of `basic/versioning` and of the metadata that every modern request carries."""

from __future__ import annotations

from functools import partial
from typing import Any

from conformance.bench import Bench
from conformance.check import Sharing, check
from conformance.checks.server.lifecycle import offered
from conformance.expect import Inapplicable, Mismatch, brief, expect, expect_error
from conformance.links import Answer
from conformance.lists import declared_lists
from conformance.peer import Peer
from conformance.together import together
from reference_impl.protocol import streamable
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from reference_impl.protocol.revisions import LATEST_LEGACY, revision_named

_UNKNOWN = "2099-01-01"


@check("versioning.stateless", "base.stateless.no-earlier-request", sharing=Sharing.UNOPENED)
async def stateless(peer: Peer) -> None:
    """The first request on a connection is served, whichever it is."""
    lists = {"tools": peer.surface.tools, "resources": peer.surface.resources, "prompts": peer.surface.prompts}
    method = next((f"{name}/list" for name, items in lists.items() if items), None)
    if method is None:
        raise Inapplicable("the target lists nothing that could be asked for first")
    peer.conversation.revision = peer.revision.name
    answer = await peer.request(method)
    expect(isinstance(answer.result, dict), f"a result for {method} as the first request", answer.describe())


@check("versioning.discovered", "discover.implemented", "base.protocol.supported", sharing=Sharing.UNOPENED)
async def discovered(peer: Peer) -> None:
    """Discovery is answered on a new connection with a result, also to a client that does not say who it is."""
    peer.conversation.revision = peer.revision.name
    for request in (peer.message("server/discover"), _spoiled(peer, CLIENT_INFO)):
        answer = await peer.call(request | {"method": "server/discover"})
        expect(isinstance(answer.result, dict), "a result for server/discover", answer.describe())


@check("versioning.unsupported", "versioning.unsupported.error")
async def unsupported(peer: Peer) -> None:
    """A request of a version that the server does not speak gets error -32022, which names it and those it speaks."""
    for method in declared_lists(peer)[:1]:
        await peer.request(method)  # what was asked before makes no difference
    error = expect_error(await _asked_in(peer, _UNKNOWN), {-32022}, f"a request of version {_UNKNOWN}")
    told = error.get("data")
    data = told if isinstance(told, dict) else {}
    supported = data.get("supported")
    named = isinstance(supported, list) and supported and all(isinstance(name, str) for name in supported)
    expect(named, "error data whose member supported lists versions", error)
    expect(data.get("requested") == _UNKNOWN, f"error data whose member requested is {_UNKNOWN}", error)


async def _asked_in(peer: Peer, version: str) -> Answer:
    """Send a correct request in all but its version."""
    message = peer.message(peer.cheap_method, meta={PROTOCOL_VERSION: version})
    return await peer.call(
        message, headers={streamable.PROTOCOL_VERSION: version}, defect=f"a version called {version}"
    )


@check("versioning.supported", "versioning.supported.honest", sharing=Sharing.UNOPENED)
async def supported_versions(peer: Peer) -> None:
    """Every version that the server says it supports works, and the one in use is among them."""
    assert peer.bench is not None
    await peer.open()
    listed = peer.opening.get("supportedVersions")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    expect(peer.revision.name in names, f"supportedVersions with {peer.revision.name} in it", brief(listed))
    legacy = [name for name in names if (revision := revision_named(name)) is not None and not revision.modern]
    given = await together(*(partial(_given, peer, name) for name in legacy))
    for name, version in zip(legacy, given, strict=True):
        expect(version == name, f"an initialize of {name}, which is in supportedVersions", f"it got {brief(version)}")


async def _given(peer: Peer, version: str) -> Any:
    """Return the version with which a connection of its own answers an offer."""
    assert peer.bench is not None
    async with peer.bench.unopened(peer.conversation.purpose) as another:
        result = (await offered(another, version)).result
    return result.get("protocolVersion") if isinstance(result, dict) else None


@check("versioning.meta.absent", "base.meta.required")
async def meta_absent(peer: Peer) -> None:
    """A request without metadata is refused."""
    message = peer.message(peer.cheap_method)
    _expect_refusal(peer, await peer.call(message | {"params": {}}, defect="no _meta"), "no _meta")


@check("versioning.meta.version", "base.meta.required")
async def meta_version(peer: Peer) -> None:
    """A request whose metadata names no protocol version is refused."""
    message = _spoiled(peer, PROTOCOL_VERSION)
    _expect_refusal(peer, await peer.call(message, defect="no protocolVersion in _meta"), "no protocolVersion")


@check("versioning.meta.capabilities", "base.meta.required")
async def meta_capabilities(peer: Peer) -> None:
    """A request whose metadata holds no client capabilities is refused."""
    message = _spoiled(peer, CLIENT_CAPABILITIES)
    answer = await peer.call(message, defect="no clientCapabilities in _meta")
    expect_error(answer, {-32602}, "no clientCapabilities")


def _spoiled(peer: Peer, missing: str) -> dict[str, Any]:
    """Return a request that lacks one field of its metadata."""
    message = peer.message(peer.cheap_method)
    meta = {name: value for name, value in message["params"]["_meta"].items() if name != missing}
    return message | {"params": {"_meta": meta}}


def _expect_refusal(peer: Peer, answer: Answer, what: str) -> None:
    """Nothing orders the rules on body and header over HTTP, and a server of both eras may take such a request for
    one of the other, which has no code for it."""
    codes = {-32602, -32020} if peer.over_http else {-32602}
    expect_error(answer, codes if peer.modern_only else (), what)


def _speaks_legacy(bench: Bench) -> str | None:
    legacy = any(not revision.modern for revision in bench.spoken)
    return "the target speaks the legacy era too" if legacy else None


@check(
    "versioning.initialize",
    "versioning.initialize.names-versions",
    sharing=Sharing.UNOPENED,
    excuse=_speaks_legacy,
)
async def initialize_refused(peer: Peer) -> None:
    """A server of the modern era alone refuses initialize and names the versions that it speaks."""
    wanted = peer.revision.name
    answer = await offered(peer, LATEST_LEGACY.name)
    if answer.error is None or wanted not in brief(answer.error, 4000):
        raise Mismatch(f"an error that names {wanted}", answer.describe(), [answer.entry.index])
