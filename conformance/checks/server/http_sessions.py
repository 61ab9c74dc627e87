"""Checks of `basic/transports#session-management` and `#protocol-version-header`, 2025-03-26 to 2025-11-25."""

from __future__ import annotations

import math

from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, expect, expect_status
from conformance.http_reply import HttpRequest
from conformance.peer import Peer
from conformance.twins import need_another, need_served
from reference_impl.protocol.revisions import R2025_03_26
from reference_impl.protocol.streamable import PROTOCOL_VERSION, SESSION_ID

_IDS = 6
_BITS = 64
"""What a session id has to hold at least that an attacker does not know (OWASP, Session Management)."""
_ALPHABETS = ("0123456789", "0123456789abcdef", "0123456789abcdefghijklmnopqrstuvwxyz")


def _need_session(peer: Peer) -> str:
    if peer.session is None:
        raise Inapplicable("the server opens no session: its answer to initialize has no Mcp-Session-Id")
    return peer.session


@check("http.session-missing", "http.session.required")
async def session_missing(peer: Peer) -> None:
    """Without a session id, where the server needs one, a request gets HTTP 400."""
    _need_session(peer)
    await need_served(peer)
    answer = await peer.call(
        peer.message(peer.cheap_method), headers={SESSION_ID: None}, defect="no Mcp-Session-Id, though one was given"
    )
    if isinstance(answer.result, dict):
        raise Inapplicable("the server does without a session id")
    expect(answer.status == 400, "HTTP 400 for a request without Mcp-Session-Id", answer.describe())


@check("http.session-unknown", "http.session.unknown")
async def session_unknown(peer: Peer) -> None:
    """A request with a session id that the server never gave gets HTTP 404."""
    unknown = _another_of_its_kind(_need_session(peer))
    await need_served(peer)
    answer = await peer.call(
        peer.message(peer.cheap_method), headers={SESSION_ID: unknown}, defect="an unknown Mcp-Session-Id"
    )
    if isinstance(answer.result, dict):
        raise Inapplicable("the server does not look at session ids")
    if answer.status != 404 and await _status_once_ended(peer) not in (None, 404):
        raise Blocked("an ended session is answered in the same way, as http.session-ended tells")
    expect(answer.status == 404, "HTTP 404 for an unknown session id", answer.describe())


def _another_of_its_kind(identifier: str) -> str:
    """Return an id of the same make: its last letters and digits are others."""
    tail = identifier[-12:].translate(str.maketrans("0123456789abcdefABCDEF", "1234567890bcdefaBCDEFA"))
    return identifier[:-12] + tail if tail != identifier[-12:] else identifier + "0"


@check("http.session-ended", "http.session.ended", sharing=Sharing.FRESH)
async def session_ended(peer: Peer) -> None:
    """Once a session was ended by DELETE, requests with its id get HTTP 404."""
    _need_session(peer)
    await need_served(peer)
    status = await _end(peer)
    answer = await peer.call(peer.message(peer.cheap_method), defect="the id of a session that has ended")
    if status == 202 and isinstance(answer.result, dict):
        raise Blocked("the server accepted DELETE with HTTP 202, and need not have ended the session yet")
    expect(answer.status == 404, "HTTP 404 for the id of a session that has ended", answer.describe())


async def _end(peer: Peer) -> int:
    """End the session and return the HTTP status. Raises `Inapplicable` if the server does not let clients do so."""
    headers = {**peer.headers_for(None), "accept": None, "content-type": None}
    reply = await peer.http.exchange(HttpRequest("DELETE", headers=headers), peer.patience.answer)
    if not 200 <= reply.status < 300:
        raise Inapplicable(f"the server lets no client end a session: HTTP {reply.status} for DELETE")
    return reply.status


async def _status_once_ended(peer: Peer) -> int | None:
    """Return the status of a request in a session that has ended, or None if none can be ended."""
    async with need_another(peer) as other:
        try:
            await _end(other)
        except Inapplicable:
            return None
        answer = await other.call(peer.message(peer.cheap_method), defect="the id of a session that has ended")
        return answer.status


@check("http.session-chosen-by-client", "http.session.secure", sharing=Sharing.UNOPENED)
async def session_chosen_by_client(peer: Peer) -> None:
    """The server does not adopt a session id that the client made up."""
    chosen = "touchstone-0123456789abcdef"
    answer = await peer.call(peer.opening_request(), headers={SESSION_ID: chosen}, defect="a session id made up")
    given = answer.head.get(SESSION_ID) if answer.head else None
    peer.session = given
    if isinstance(answer.result, dict) and given is None:
        raise Inapplicable("the server opens no session: its answer to initialize has no Mcp-Session-Id")
    expect(given != chosen, "a session id of the server's own, or a refusal", f"Mcp-Session-Id: {given}")


@check("http.session-secure", "http.session.secure")
async def session_secure(peer: Peer) -> None:
    """Session ids differ, in so many characters that nobody can guess one."""
    given = [_need_session(peer)]
    while len(given) < _IDS:
        async with need_another(peer) as other:
            given.append(_need_session(other))
    expect(len(set(given)) == len(given), "a session id for each client", f"one id twice: {given}")
    bits = _unknown_bits(given)
    expect(bits >= _BITS, f"session ids that differ in {_BITS} bits or more", f"about {bits:.0f} bits: {given}")


def _unknown_bits(identifiers: list[str]) -> float:
    """Return at most how many bits of one id are not known from the others."""
    varying = [place for place in zip(*identifiers, strict=False) if len(set(place)) > 1]
    varying += [("?", "?")] * (max(map(len, identifiers)) - min(map(len, identifiers)))
    used = set("".join(identifiers).lower() if _one_case(identifiers) else "".join(identifiers)) - set("-_.{}")
    alphabet = next((len(known) for known in _ALPHABETS if used <= set(known)), 64)
    return len(varying) * math.log2(alphabet)


def _one_case(identifiers: list[str]) -> bool:
    text = "".join(identifiers)
    return text in (text.lower(), text.upper())


@check("http.version-invalid", "http.version.invalid")
async def version_invalid(peer: Peer) -> None:
    """A request whose MCP-Protocol-Version names no revision gets HTTP 400."""
    await need_served(peer)
    for value in ("1999-01-01", "no-such-version"):
        answer = await peer.call(
            peer.message(peer.cheap_method), headers={PROTOCOL_VERSION: value}, defect="an unknown protocol version"
        )
        expect(answer.status == 400, f"HTTP 400 for MCP-Protocol-Version: {value}", answer.describe())


@check("http.version-absent", "http.version.absent")
async def version_absent(peer: Peer) -> None:
    """A request without MCP-Protocol-Version is served."""
    await need_served(peer)
    answer = await peer.call(peer.message(peer.cheap_method), headers={PROTOCOL_VERSION: None})
    if isinstance(answer.result, dict):
        return
    assumed = await peer.call(peer.message(peer.cheap_method), headers={PROTOCOL_VERSION: R2025_03_26.name})
    if not isinstance(assumed.result, dict):
        raise Blocked(f"the server does not speak {R2025_03_26}, which it has to assume")
    expect_status(answer.status or 0, {200}, "a request without MCP-Protocol-Version")
