"""Two calls are compared, and only what a server otherwise does the same way is held against it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest

from conformance.expect import Mismatch
from conformance.peer import Peer, encode
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.known import call_message
from conformance.properties.relations import TWO, said, try_relation

from ..scripted import Handler, Message, Scripted, Wire
from ..test_peer import with_peer
from .grounds import ECHO, ground

Says = Callable[[str, list[str]], Any]


def _server(says: Says) -> Scripted:
    """A tool whose answer depends on its text, and on all texts that its conversation has heard before."""

    heard: dict[int, list[str]] = {}

    async def call(wire: Wire, message: Message) -> None:
        before = heard.setdefault(id(wire), [])
        text = message["params"]["arguments"]["text"]
        answer = says(text, before)
        before.append(text)
        await wire.reply(message, answer)

    return Scripted({"tools/call": _kept(call)})


_WIRES: list[Wire] = []


def _kept(handler: Handler) -> Handler:
    """Keep every wire alive, so that no two have one identity."""

    async def handle(wire: Wire, message: Message) -> None:
        _WIRES.append(wire)
        await handler(wire, message)

    return handle


def _try(relation: str, says: Says, first: str = "a", second: str = "b", **more: Any) -> list[str]:
    """Try the relation. Returns the texts of all calls that were made for it, in order."""
    made: list[str] = []

    def noted(text: str, before: list[str]) -> Any:
        made.append(text)
        return says(text, before)

    one, other = (call_message(ground(ECHO), "echo", {"text": text}) for text in (first, second))
    case = Case("the call", Expectation.ANSWER, other, relation=relation, first=one, **more)

    async def scene(peer: Peer) -> None:
        await try_relation(peer, case)

    with_peer(_server(noted), scene)
    _WIRES.clear()
    return made


def _echo(text: str, _: list[str]) -> Any:
    return {"content": [{"type": "text", "text": text}]}


def _first_forever(text: str, before: list[str]) -> Any:
    return _echo(before[0] if before else text, before)


@pytest.mark.parametrize(("relation", "calls"), [("after", 2), ("again", 2), ("beside", 2 + 3 * 2 + 2)])
def test_a_server_that_answers_what_it_was_asked_passes(relation: str, calls: int) -> None:
    assert relation in TWO
    made = _try(relation, _echo)
    assert made[:2] == ["a", "b"]
    assert sorted(made) == sorted("ab" * (calls // 2))


def test_the_answer_of_an_earlier_call_is_found() -> None:
    with pytest.raises(Mismatch, match="the answer that the call gets alone"):
        _try("after", _first_forever)


def test_a_server_that_always_says_the_same_is_no_offender() -> None:
    assert _try("after", lambda *_: {"content": []}) == ["a", "b", "b"], "the second is asked alone, too"


def test_a_server_that_changes_by_itself_is_no_offender() -> None:
    def answering(texts: str) -> Says:
        left = iter(texts)
        return lambda _, before: _echo(next(left), before)

    assert _try("after", answering("xxyxxz")) == ["a", "b", "b", "a", "b", "b"]
    with pytest.raises(Mismatch, match="the answer that the call gets alone"):
        _try("after", answering("xxyxxy"))


def test_another_shape_the_second_time_is_found() -> None:
    def changes(text: str, before: list[str]) -> Any:
        return {"content": [], "structuredContent": {}} if before else {"content": []}

    with pytest.raises(Mismatch, match="of the same shape as the first"):
        _try("again", changes, "a", "a")


def test_other_values_in_the_same_shape_are_none_of_it() -> None:
    counted: list[int] = []

    def counts(_: str, before: list[str]) -> Any:
        counted.append(len(before))
        return {"content": [], "structuredContent": {"n": len(before)}}

    assert _try("again", counts, "a", "a") == ["a", "a"]
    assert counted == [0, 1]


def test_a_cut_call_that_gets_another_answer_is_found() -> None:
    texts = iter(["whole", "pieces", "whole"])
    with pytest.raises(Mismatch, match="the answer that the call gets alone"):
        _try("cut", lambda _, before: _echo(next(texts), before), cut=5)


def test_a_cut_call_of_a_server_that_changes_by_itself_proves_nothing() -> None:
    texts = iter(["whole", "pieces", "another"])
    assert _try("cut", lambda _, before: _echo(next(texts), before), cut=5) == ["b"] * 3
    assert _try("cut", _echo, cut=5) == ["b"] * 3


class _ReadsValues(Scripted):
    """Reads JSON values, as some decoders do, and answers one whose line has not ended."""

    async def _serve(self, wire: Wire) -> None:
        text, decoder = "", json.JSONDecoder()
        with suppress(anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            while True:
                text = (text + (await wire.channel.receive()).decode()).lstrip()
                with suppress(ValueError):
                    while text:
                        _, end = decoder.raw_decode(text)
                        await self._take(wire, text[:end])
                        text = text[end:].lstrip()


def test_a_call_cut_before_the_end_of_its_line_may_be_answered_before_that_end_is_written() -> None:
    pinged: list[Message] = []

    async def ping(_: Wire, message: Message) -> None:
        pinged.append(message)

    async def call(wire: Wire, message: Message) -> None:
        replies = [{"jsonrpc": "2.0", "id": each["id"], "result": {}} for each in pinged]
        replies.append({"jsonrpc": "2.0", "id": message["id"], "result": _echo("a", [])})
        pinged.clear()
        called.append(message["params"]["arguments"])
        await wire.raw(b"".join(encode(reply) + b"\n" for reply in replies))

    called: list[Message] = []
    message = call_message(ground(ECHO), "echo", {"text": "a"}, 901)
    case = Case("the call", Expectation.ANSWER, message, relation="cut", cut=len(encode(message)))
    with_peer(_ReadsValues({"ping": ping, "tools/call": call}), lambda peer: try_relation(peer, case))
    assert set(map(str, called)) == {str({"text": "a"})}


def test_what_is_said_leaves_out_metadata() -> None:
    async def scene(peer: Peer) -> None:
        first = await peer.call(call_message(ground(ECHO), "echo", {"text": "a"}, 901))
        second = await peer.call(call_message(ground(ECHO), "echo", {"text": "a"}, 902))
        assert said(first) == said(second)

    with_peer(_server(lambda _, before: {"content": [], "_meta": {"example.com/n": len(before)}}), scene)
    _WIRES.clear()
