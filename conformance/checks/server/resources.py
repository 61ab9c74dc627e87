"""Checks of `server/resources`: reading, what does not exist, and the form of URIs and templates."""

from __future__ import annotations

import re

from conformance.check import check
from conformance.checks.methods import require_method
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_error
from conformance.links import Answer
from conformance.lists import names
from conformance.peer import Peer
from conformance.uris import is_uri, scheme

_READ = 5
"""Listed resources that are read."""
_NOWHERE = "touchstone://no-such-resource/1"
_MALFORMED = ("no uri at all", "", "touchstone:// blank")
_ASKS = (-32021,)
"""Errors that a listed resource may have: reading it needs a client capability."""

_COMMON = frozenset({"http", "https", "file", "git"})
_VARIABLE = r"(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})(?:\.?(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2}))*(?::[1-9][0-9]{0,3}|\*)?"
_TEMPLATE = re.compile(r"(?:[^\x00-\x20\"<>\\^`{|}\x7f]|\{[+#./;?&=,!@|]?" + _VARIABLE + "(?:," + _VARIABLE + r")*\})*")
"""RFC 6570, section 2; the apostrophe, which it forbids in literals and many write, passes."""


@check("resources.read", "resources.read.listed")
async def read_listed(peer: Peer) -> None:
    """The first resources of the list can be read."""
    if not peer.surface.resources:
        raise Inapplicable("the target lists no resources")
    for resource in peer.surface.resources[:_READ]:
        answer = await peer.request("resources/read", {"uri": resource.get("uri")})
        if not isinstance(answer.result, dict) and answer.code not in _ASKS:
            raise Mismatch(f"the contents of {resource.get('uri')}, which is listed", answer.describe())


@check(
    "resources.read.unknown",
    "resources.read.not-found",
    "resources.read.never-empty",
    "resources.read.not-found-early",
)
async def read_unknown(peer: Peer) -> None:
    """A resource that does not exist gives the error for that, not empty contents."""
    answer = require_method(await peer.request("resources/read", {"uri": _NOWHERE}))
    if _holds(answer):
        raise Blocked(f"the target has something to read at {_NOWHERE}")
    expect_error(answer, {-32602} if peer.revision.modern else {-32002, -32602}, f"an unknown resource, {_NOWHERE}")


@check("resources.uri.malformed", "resources.uri.validated")
async def malformed_uri(peer: Peer) -> None:
    """What is no URI at all reads nothing."""
    if _holds(require_method(await peer.request("resources/read", {"uri": _NOWHERE}))):
        raise Blocked(f"the target has something to read at {_NOWHERE}")
    before = [str(template.get("uriTemplate")).partition("{")[0] for template in peer.surface.templates]
    meaningless = [uri for uri in _MALFORMED if not any(map(uri.startswith, before))]
    if not meaningless:
        raise Blocked("a template of the target's may mean any text at all")
    for uri in meaningless:
        answer = await peer.call(peer.message("resources/read", {"uri": uri}), defect="a URI that is none")
        if _holds(answer):
            raise Mismatch(f"an error for the URI {uri!r}", answer.describe())


def _holds(answer: Answer) -> bool:
    """Whether a read brought something, or a question."""
    result = answer.result
    return isinstance(result, dict) and bool(result.get("contents") or result.get("resultType") == "input_required")


@check("resources.uris", "resources.uri.custom")
async def custom_uris(peer: Peer) -> None:
    """URIs of the server's own schemes are URIs."""
    uris = [uri for uri in await names(peer, "resources/list") if scheme(uri) not in {*_COMMON, ""}]
    if not uris:
        raise Inapplicable("no resource is listed under a scheme of the server's own")
    _expect_uris(uris)


@check("resources.uris.common", "resources.uri.common")
async def common_uris(peer: Peer) -> None:
    """URIs of common schemes are URIs, and every resource has one with a scheme."""
    uris = [uri for uri in await names(peer, "resources/list") if scheme(uri) in {*_COMMON, ""}]
    if not uris:
        raise Inapplicable("no resource is listed under a common scheme")
    _expect_uris(uris)


@check("resources.templates", "resources.template.syntax")
async def templates(peer: Peer) -> None:
    """Listed URI templates are well formed."""
    found = await names(peer, "resources/templates/list")
    if not found:
        raise Inapplicable("the target lists no template")
    for template in found:
        if not _TEMPLATE.fullmatch(template):
            raise Mismatch("URI templates by RFC 6570", brief(template))


def _expect_uris(uris: list[str]) -> None:
    for uri in uris:
        if not is_uri(uri):
            raise Mismatch("URIs by RFC 3986", brief(uri))
