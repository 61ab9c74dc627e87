"""What a target may do with a case, and what it may not: one scripted server for each."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.expect import Mismatch
from conformance.links import Gone, Silence
from conformance.peer import Peer
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.oracle import describe, try_case
from reference_impl.protocol.revisions import LATEST

from ..scripted import Handler, Message, Scripted, Wire
from ..test_peer import with_peer

R, A, E, S, D = (
    Expectation.RESULT,
    Expectation.ANSWER,
    Expectation.ERROR,
    Expectation.ERROR_OR_SILENCE,
    Expectation.ANYTHING_BUT_DEATH,
)
TOOLS = {"tools": [{"name": "a", "inputSchema": {"type": "object"}}]}
REQUEST = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}


def _try(handler: Handler | None, expectation: Expectation, message: Any = None, **more: Any) -> list[Any]:
    """Try the case. Returns the ids of all that answered something, in order: behind those of the case stands None, for
    the request by which the oracle sees that the target serves on."""
    ids: list[Any] = []

    async def scene(peer: Peer) -> None:
        peer.patience = peer.patience.scaled(0.2)
        start = len(peer.conversation.entries)
        await try_case(peer, Case("the case", expectation, REQUEST if message is None else message, **more))
        answers = [entry.value for entry in peer.conversation.entries[start:] if entry.direction.value == "received"]
        ids.extend(answer["id"] if answer["id"] == 7 else None for answer in answers)

    with_peer(Scripted({"tools/list": handler} if handler else {}), scene)
    return ids


def _says(*fields: Message) -> Handler:
    async def handler(wire: Wire, message: Message) -> None:
        for each in fields:
            await wire.say({"jsonrpc": "2.0", "id": message.get("id")} | each)

    return handler


RESULT, ERROR = {"result": TOOLS}, {"error": {"code": -32602, "message": "no"}}


async def _dies(wire: Wire, message: Message) -> None:
    await wire.leave()


@pytest.mark.parametrize(
    ("expectation", "handler", "answers", "twin"),
    [
        (R, _says(RESULT), 1, _says(ERROR)),
        (A, _says(RESULT), 1, _says({"result": {}})),
        (A, _says(ERROR), 1, _says(ERROR, ERROR)),
        (E, _says(ERROR), 1, _says(RESULT)),
        (S, _says(ERROR), 1, _says(RESULT)),
        (S, _says(), 0, _says(ERROR, ERROR)),
        (D, _says(RESULT), 1, _dies),
        (D, _says(RESULT, RESULT), 2, _dies),
        (D, _says(), 0, _dies),
        (R, _says(RESULT | {"id": 7.0}), 1, _says(ERROR | {"id": 7.0})),
    ],
)
def test_what_is_allowed_passes_and_what_differs_from_it_in_one_thing_does_not(
    expectation: Expectation, handler: Handler, answers: int, twin: Handler
) -> None:
    assert _try(handler, expectation) == [7] * answers + [None]
    with pytest.raises(Mismatch):
        _try(twin, expectation)


@pytest.mark.parametrize(
    ("expectation", "handler", "words"),
    [
        (R, _says(ERROR), "a result for the case"),
        (E, _says(RESULT), "an error for the case"),
        (S, _says(RESULT), "an error or silence for the case"),
        (R, _says({"result": {"tools": "none"}}), "valid by the schema"),
        (A, _says({"result": {}}), "valid by the schema"),
        (A, _says(RESULT, RESULT), "one response; got 2"),
        (E, _says(ERROR, ERROR), "one response"),
    ],
)
def test_what_is_not_allowed_is_a_mismatch_that_says_so(expectation: Expectation, handler: Handler, words: str) -> None:
    with pytest.raises(Mismatch, match=words):
        _try(handler, expectation)


@pytest.mark.parametrize(
    ("kind", "lacks"), [("input_required", "'inputRequests', 'requestState'"), ("task", "'createdAt'")]
)
def test_a_result_that_says_what_it_is_has_to_be_that(kind: str, lacks: str) -> None:
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "a"}}

    async def scene(peer: Peer) -> None:
        await try_case(peer, Case("the case", R, call))

    answering = _says({"result": {"resultType": kind, "content": []}})
    with pytest.raises(Mismatch, match=lacks):
        with_peer(Scripted({"tools/call": answering}), scene, LATEST, opened=False)


def test_the_id_is_judged_by_the_cases_that_mind_it_alone() -> None:
    spoilt = _says(RESULT | {"id": "7"})
    _try(spoilt, R)
    with pytest.raises(Mismatch, match='a response with the id 7; got the id "7"'):
        _try(spoilt, R, exact_id=True)


def test_silence_where_an_answer_is_due_is_silence() -> None:
    with pytest.raises(Silence):
        _try(_says(), A)


@pytest.mark.parametrize("expectation", list(Expectation))
def test_a_target_that_dies_of_a_case_is_gone_whatever_was_expected(expectation: Expectation) -> None:
    with pytest.raises(Gone):
        _try(_dies, expectation)


def test_a_notification_is_answered_by_nobody() -> None:
    message = {"jsonrpc": "2.0", "method": "tools/list"}
    with pytest.raises(Mismatch, match="no response to a notification"):
        _try(_says({"result": {}}), A, message)
    _try(_says(), A, message)


def test_an_error_may_say_that_a_message_is_no_request_for_want_of_an_id() -> None:
    message = {"jsonrpc": "2.0", "method": "tools/list"}
    _try(_says(ERROR), S, message)
    with pytest.raises(Mismatch, match="one response"):
        _try(_says(ERROR, ERROR), S, message)
    with pytest.raises(Mismatch, match="an error or silence"):
        _try(_says(RESULT), S, message)


def test_requests_among_raw_bytes_are_answered_each() -> None:
    line = b'{"jsonrpc":"2.0","id":7,"method":"tools/list"}\n'
    cut = {"chunks": (line[:9], line[9:]), "requests": (REQUEST,)}
    _try(_says(RESULT), A, {}, **cut)
    with pytest.raises(Silence):
        _try(_says(), A, {}, **cut)


def test_a_case_is_described_by_what_it_sends() -> None:
    assert describe(Case("x", A, {"a": "é"})) == ['{"a":"é"}']
    assert describe(Case("x", A, chunks=(b"\xff", b"b"))) == [r"\xff", "b"]
