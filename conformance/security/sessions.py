"""Sessions of Streamable HTTP: ids that a stranger picked, can guess, or brings along though he is somebody else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.guessing import FEW_BITS
from conformance.http_reply import HttpRequest
from conformance.identities import need_second
from conformance.peer import Peer
from conformance.security.evidence import token
from conformance.security.probe import Attempt, Caught, Probe, Scene
from conformance.target import HttpTarget
from reference_impl.protocol.streamable import SESSION_ID, SSE_TYPE

__all__ = ["FIXATION", "GUESSING", "HIJACK"]

_IDS = 100
_ENOUGH = 20
_SCRIPT = '''\
"""Opens a session under an id of our own making, and goes on in it from another connection."""
import json
import urllib.error
import urllib.request


def post(message):
    headers = {{"content-type": "application/json", "accept": "application/json, text/event-stream"}}
    request = urllib.request.Request({url!r}, json.dumps(message).encode(), headers | {{"mcp-session-id": {chosen!r}}})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            print(reply.status, reply.headers["mcp-session-id"], reply.read().decode())
            return True
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())
        return False


post({opening!r})
post({{"jsonrpc": "2.0", "method": "notifications/initialized"}})
print("served" if post({ping!r}) else "refused")
'''


async def _need_session(scene: Scene) -> Peer:
    """Return a peer in a session. Raises `Inapplicable` where there are none."""
    peer = await scene.peer()
    if not peer.over_http:
        raise Inapplicable("over this transport a connection is the session")
    if peer.session is None:
        raise Inapplicable("the server opens no session: its answer to initialize has no Mcp-Session-Id")
    return peer


async def fixation_attempts(scene: Scene) -> Sequence[Attempt]:
    """Try to pick an id for somebody else's session."""
    await _need_session(scene)
    return [Attempt("Mcp-Session-Id", _fixed)]


async def _fixed(scene: Scene) -> None:
    chosen = token()
    bench = scene.bench
    async with bench.unopened("security") as stranger:
        stranger.session = token()
        if isinstance((await stranger.request(stranger.cheap_method)).result, dict):
            raise Inapplicable("the server does not look at session ids")
        stranger.session = chosen
        async with bench.unopened("security") as victim:
            headers = {SESSION_ID: chosen}
            answer = await victim.call(victim.opening_request(), headers=headers, defect="a session id made up")
            victim.session = answer.head.get(SESSION_ID) if answer.head else None
            if victim.session != chosen:
                return
            await victim.conclude(answer)
            scene.calls += 3
            # The victim has not said more than a client that was led to use this id.
            if isinstance((await stranger.request(stranger.cheap_method)).result, dict):
                actual = f"the session is called {chosen}, as the client wished, and serves whoever knows that"
                caught = _caught("a session id that the server made", actual, victim, stranger)
                if isinstance(bench.target, HttpTarget):
                    opening, ping = victim.opening_request(), stranger.message(stranger.cheap_method)
                    caught.before = _SCRIPT.format(url=bench.target.url, chosen=chosen, opening=opening, ping=ping)
                raise caught


async def guessing_attempts(scene: Scene) -> Sequence[Attempt]:
    """Ask for many ids."""
    await _need_session(scene)
    return [Attempt("Mcp-Session-Id", _guessed)]


async def _guessed(scene: Scene) -> None:
    given: list[str] = []
    last: Peer | None = None
    try:
        for _ in range(_IDS):
            async with scene.bench.unopened("security") as peer:
                await peer.ask_opening()
                scene.calls += 1
                last = peer
                if peer.session is not None:
                    given.append(peer.session)
    except Mismatch as limit:
        if len(given) < _ENOUGH:
            raise Blocked(f"only {len(given)} sessions could be opened: {limit.actual}") from None
    if len(given) < _ENOUGH or last is None:
        raise Blocked(f"only {len(given)} of {_IDS} openings gave a session id")
    if len(set(given)) < len(given):
        raise _caught("a session id of its own for each client", f"{len(given) - len(set(given))} given twice", last)
    if (bits := unknown_bits(given)) < FEW_BITS:
        examples = ", ".join(given[:3])
        actual = f"{len(given)} ids that differ in about {bits:.0f} bits: {examples}"
        raise _caught(f"session ids that differ in {FEW_BITS} bits or more", actual, last)


def unknown_bits(identifiers: Sequence[str]) -> float:
    """Return about how many bits of an id cannot be known from others, from what was seen at each of its places."""
    longest = max(map(len, identifiers))
    places = zip(*(identifier.rjust(longest) for identifier in identifiers), strict=True)
    return sum(_entropy(place) for place in places)


def _entropy(place: Sequence[str]) -> float:
    """Return the entropy of what stood at a place, in bits, corrected for how few were seen (Miller and Madow)."""
    shares = [place.count(character) / len(place) for character in set(place)]
    seen = -sum(share * math.log2(share) for share in shares)
    return seen + (len(shares) - 1) / (2 * len(place) * math.log(2))


async def hijack_attempts(scene: Scene) -> Sequence[Attempt]:
    """Go on in a session as another principal."""
    peer = await _need_session(scene)
    async with need_second(peer):
        pass
    return [
        Attempt("requests", partial(_hijacked, streaming=False)),
        Attempt("streams", partial(_hijacked, streaming=True)),
    ]


async def _hijacked(scene: Scene, *, streaming: bool) -> None:
    owner = await scene.peer()
    await scene.begin()
    async with need_second(owner) as other:
        scene.calls += 2
        own, other.session = other.session, owner.session
        try:
            if streaming:
                request = HttpRequest(
                    "GET", headers={**other.headers_for(None), "content-type": None, "accept": SSE_TYPE}
                )
                async with other.http.opened(request, other.patience.answer) as live:
                    served = live.head.status == 200
            else:
                served = isinstance((await other.request(other.cheap_method)).result, dict)
        finally:
            other.session = own
        if served:
            how = "a stream of" if streaming else "a request in"
            raise _caught(f"{how} one principal's session to be refused to another", "it was served", other)


def _caught(expected: str, actual: str, *peers: Peer) -> Caught:
    caught = Caught(expected, actual)
    caught.wire = tuple(entry for peer in peers for entry in peer.conversation.entries)
    return caught


FIXATION = Probe(
    "security.sessions.fixation",
    ("http.session.secure",),
    "Nobody picks the id of somebody else's session.",
    fixation_attempts,
    in_sessions=True,
)
GUESSING = Probe(
    "security.sessions.guessing",
    ("http.session.secure",),
    "A hundred session ids do not tell what others look like.",
    guessing_attempts,
    in_sessions=True,
)
HIJACK = Probe(
    "security.sessions.hijack",
    ("security.sessions.bound",),
    "Who knows the id of another principal's session gets nothing by it.",
    hijack_attempts,
    in_sessions=True,
)
