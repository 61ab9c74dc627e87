"""What begins something, wrong in one way: a handshake on a connection of its own, and a request to listen.

Neither is like other requests. A handshake is the first message of a connection, so that each needs a new one; who
is lenient with a request to listen opens a stream, whose first message is no response.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.capabilities import declares
from conformance.expect import Inapplicable, Mismatch
from conformance.http_reply import HttpRequest
from conformance.links import Answer
from conformance.listening import Listening, is_acknowledgement, shown
from conformance.peer import Peer, encode
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.known import ID
from conformance.properties.messages import request
from conformance.properties.property import Ground
from conformance.properties.transcribed import broken_requests
from conformance.transcript import Entry
from reference_impl.protocol.lifecycle import initialize_params
from reference_impl.protocol.streamable import SESSION_ID

__all__ = ["LISTENABLE", "known_listens", "try_listening", "try_opening", "wrong_handshakes"]

LISTENABLE = {
    "toolsListChanged": "tools.listChanged",
    "promptsListChanged": "prompts.listChanged",
    "resourcesListChanged": "resources.listChanged",
}
"""Member of the filter of `subscriptions/listen` to the capability that stands behind it."""

_CLIENT = {"name": "touchstone", "version": "1"}
_UNKNOWN = ("1900-01-01", "2999-12-31", "latest", "")
_DEAR = 8
"""Handshakes where each takes a process of its own."""


def wrong_handshakes(ground: Ground) -> SearchStrategy[Case]:
    """Handshakes that are wrong in one way each. Raises `Inapplicable` for an era without them."""
    if ground.revision.modern:
        raise Inapplicable("this revision has no handshake")
    return st.sampled_from(list(islice(_handshakes(ground), _DEAR if ground.transport == "stdio" else None)))


def _handshakes(ground: Ground) -> Iterator[Case]:
    params = initialize_params(ground.revision, _CLIENT, {})
    sound = request(ground.revision, "initialize", params, request_id=ID)
    broken = list(broken_requests(ground.revision, sound))
    required = [case for case in broken if case.way == "missing"]
    types = [case for case in broken if case.way != "missing"]
    unknown = [
        Case(
            f"initialize with protocolVersion {version!r}",
            Expectation.REPLY,
            {**sound, "params": {**params, "protocolVersion": version}},
            way="version",
        )
        for version in _UNKNOWN
    ]
    yield from (_opening(case) for case in (*required, unknown[0], *types, *unknown[1:]))


def _opening(case: Case) -> Case:
    return Case(case.label, case.expectation, case.message, relation="opening", way=case.way)


def known_listens(ground: Ground) -> Iterator[Case]:
    """Requests to listen that are wrong in one way each, of an era and a target that have them."""
    flags = [flag for flag, path in LISTENABLE.items() if declares(ground.capabilities, path)]
    if not ground.revision.modern or not flags:
        return
    wanted = {"notifications": dict.fromkeys(flags, True)}
    sound = request(ground.revision, "subscriptions/listen", wanted, request_id=ID)
    for case in broken_requests(ground.revision, sound):
        yield Case(case.label, case.expectation, case.message, relation="listening", way=case.way)


async def try_opening(peer: Peer, case: Case) -> None:
    """Begin another conversation as the case says: that is answered. Raises `Mismatch`."""
    assert peer.bench is not None
    async with peer.bench.unopened("opening") as fresh:
        try:
            answer = await fresh.call(case.message, defect=case.label)
            fresh.session = answer.head.get(SESSION_ID) if answer.head is not None else None
            _must_reply(case, answer)
        except Mismatch:
            # All that it takes to repeat it is on that connection.
            peer.conversation.entries.extend(fresh.conversation.entries)
            raise


def _must_reply(case: Case, answer: Answer) -> None:
    message = answer.message
    response = isinstance(message, dict) and ("result" in message or "error" in message)
    if not response and (answer.status or 0) < 400:
        raise Mismatch(f"a JSON-RPC response to {case.label}", answer.describe(), [answer.entry.index])


async def try_listening(peer: Peer, case: Case) -> None:
    """Listen as the case says: that is refused, or acknowledged by who takes it as it is. Raises `Mismatch`."""
    wait = peer.patience.answer
    if peer.over_http:
        headers = peer.headers_for(case.message)
        asked = HttpRequest("POST", encode(case.message), headers, case.message, case.label)
        async with peer.http.opened(asked, wait) as live:
            if (live.head.status or 0) < 400:
                _must_begin(case, await Listening(peer, case.message["id"], live).first())
        return
    listen = Listening(peer, case.message["id"], None)
    await peer.tell(case.message, defect=case.label)
    _must_begin(case, await listen.first())
    await listen.cancel()


def _must_begin(case: Case, first: Entry) -> None:
    if not (first.is_response() or is_acknowledgement(first)):
        raise Mismatch(f"a response to {case.label}, or its acknowledgement", shown(first), [first.index])
