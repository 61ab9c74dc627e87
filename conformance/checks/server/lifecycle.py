"""Checks of `basic/lifecycle`, the handshake of the legacy era, and of first requests in both."""

from __future__ import annotations

from functools import partial

import anyio

from conformance.bench import Bench
from conformance.check import Sharing, check
from conformance.checks.fences import all_answered
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect
from conformance.leases import Need
from conformance.links import Answer, Silence
from conformance.peer import Peer
from conformance.surface import ToolCall
from conformance.together import together
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, PROTOCOL_VERSION
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, REVISIONS, revision_named

_LEGACY = {revision.name: revision for revision in REVISIONS if not revision.modern}
_EARLY_DRAFT = "2024-10-07"
"""Came before the first dated revision; the official TypeScript SDK still names it."""
_UNKNOWN = ("2099-01-01", "1999-01-01")
_PAUSE = 2.0
"""Seconds that a target which left a first request unanswered gets before it is asked again."""


@check("lifecycle.initialize.result", "lifecycle.initialize.result", "base.protocol.supported-legacy")
async def initialize_result(peer: Peer) -> None:
    """The answer to initialize holds the server's capabilities, its name and its version."""
    info = peer.opening.get("serverInfo")
    expect(isinstance(peer.opening.get("capabilities"), dict), "capabilities, an object", peer.opening)
    named = isinstance(info, dict) and all(isinstance(info.get(member), str) for member in ("name", "version"))
    expect(named, "serverInfo with a name and a version", peer.opening)


@check("lifecycle.version.echo", "lifecycle.version.echo", sharing=Sharing.UNOPENED)
async def version_echo(peer: Peer) -> None:
    """A version that the server speaks is answered with that version when a client offers it."""
    assert peer.bench is not None
    answered = {LATEST_LEGACY.name: peer.bench.revision.name}
    first, *others = (name for name in _LEGACY if name != LATEST_LEGACY.name)
    anew = (partial(_offered_anew, peer.bench, name) for name in others)
    answers = await together(partial(offered, peer, first), *anew)
    answered |= zip((first, *others), map(_version, answers), strict=True)
    for offer, answer in answered.items():
        other = next((name for name, given in answered.items() if given == offer and name != offer), None)
        if answer != offer and other is not None:
            spoken = f"{answer}, though {offer} is what it answers to an offer of {other}"
            raise Mismatch(f"{offer} in answer to an offer of {offer}", spoken)


async def _offered_anew(bench: Bench, version: str) -> Answer:
    async with bench.leases.lease("lifecycle.version.echo", Need.UNOPENED) as lease:
        return await offered(lease.peer, version)


@check(
    "lifecycle.version.counter-offer",
    "lifecycle.version.counter-offer",
    "lifecycle.version.counter-newest",
    "lifecycle.error.version",
    sharing=Sharing.UNOPENED,
)
async def version_counter_offer(peer: Peer) -> None:
    """A version that does not exist is answered with one that the server speaks, the newest of its handshake era."""
    assert peer.bench is not None
    answers = await together(partial(_goes_on, peer, _UNKNOWN[0]), partial(_goes_on_anew, peer, _UNKNOWN[1]))
    for offer, answer in zip(_UNKNOWN, answers, strict=True):
        _expect_counter_offer(answer, offer)
    newest = next((revision.name for revision in reversed(peer.bench.spoken) if not revision.modern), "")
    for offer, answer in zip(_UNKNOWN, answers, strict=True):
        # Dates are written so that the order of the texts is theirs.
        if _version(answer) and _version(answer) < newest:
            text = f"{newest}, which the server speaks, in answer to an offer of {offer}"
            mismatch = Mismatch(text, _version(answer), [answer.entry.index])
            mismatch.breaks = "lifecycle.version.counter-newest"
            raise mismatch


async def _goes_on_anew(peer: Peer, offer: str) -> Answer:
    assert peer.bench is not None
    async with peer.bench.leases.lease(peer.conversation.purpose, Need.UNOPENED) as lease:
        answer = await _goes_on(lease.peer, offer)
        lease.fit = bool(lease.peer.opening)
    return answer


async def _goes_on(peer: Peer, offer: str) -> Answer:
    """Offer a version; a handshake that comes to the revision under test is brought to its end, for others to go on."""
    assert peer.bench is not None
    answer = await offered(peer, offer)
    if _version(answer) == peer.bench.revision.name:
        await peer.conclude(answer)
    return answer


def _expect_counter_offer(answer: Answer, offer: str) -> None:
    data = (answer.error or {}).get("data")
    # The page's own example of a failed initialization refuses and names what it supports (`#error-handling`).
    refused = answer.code == -32602 and isinstance(data, dict) and isinstance(data.get("supported"), list)
    if not refused and _version(answer) not in {*_LEGACY, _EARLY_DRAFT}:
        text = f"a version of the handshake era in answer to an offer of {offer}"
        raise Mismatch(text, answer.describe(), [answer.entry.index])


def _version(answer: Answer) -> str:
    version = answer.result.get("protocolVersion") if isinstance(answer.result, dict) else None
    return version if isinstance(version, str) else ""


async def offered(peer: Peer, version: str) -> Answer:
    """Offer a version, in the way of the newest legacy revision, on a connection that was not opened yet."""
    peer.revision = LATEST_LEGACY.but(version)
    answer = await peer.ask_opening()
    peer.revision = revision_named(_version(answer)) or LATEST_LEGACY
    peer.conversation.revision = _version(answer) if _version(answer) in _LEGACY else None
    return answer


@check("lifecycle.first-requests", "base.response.every-request", sharing=Sharing.FRESH)
async def first_requests(peer: Peer) -> None:
    """The first requests right after the handshake are answered, however soon they come."""
    lists = [partial(peer.request, f"{name}/list") for name in ("tools", "prompts", "resources")]
    wanted = [ask for ask in lists if ask.args[0].partition("/")[0] in peer.capabilities]
    try:
        call = peer.surface.need_call()
    except (Blocked, Inapplicable):
        await all_answered(wanted or [peer.fence])
        return
    try:
        await all_answered([*wanted, partial(peer.request, "tools/call", call.params)])
    except Silence:
        await _expect_quick(peer, call)
        raise


async def _expect_quick(peer: Peer, call: ToolCall) -> None:
    """Raise `Blocked` if a call that was lost among the first requests is not answered later either."""
    async with peer.another() as another:
        await another.fence()
        # A target that still loads what the call needs (the usual reason) is given the time to.
        await anyio.sleep(_PAUSE)
        try:
            await another.request("tools/call", call.params)
        except Silence:
            raise Blocked(f"{call.tool['name']} is not answered in time at any moment") from None


def _speaks_modern(bench: Bench) -> str | None:
    modern = any(revision.modern for revision in bench.spoken)
    return "the target speaks the modern era, so a client has no reason to fall back" if modern else None


@check("lifecycle.probe", "lifecycle.probe.survived", sharing=Sharing.UNOPENED, excuse=_speaks_modern)
async def probe(peer: Peer) -> None:
    """A server of the legacy era can be initialized after a client has asked it for server/discover."""
    meta = {PROTOCOL_VERSION: LATEST.name, CLIENT_CAPABILITIES: {}}
    request = {"jsonrpc": "2.0", "id": "touchstone-probe", "method": "server/discover", "params": {"_meta": meta}}
    await peer.tell(request, "a request before initialize")
    try:
        await peer.open()
    except Mismatch as lost:
        raise Mismatch("a handshake after server/discover", brief(lost.actual), lost.entries) from None
