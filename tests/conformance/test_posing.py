"""Other clients than the one that declares nothing: what they are to a target, and which tools they call."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from conformance.bench import Bench
from conformance.expect import Unserved
from conformance.guise import BARE, Guise
from conformance.peer import Peer
from conformance.posing import likely_to_ask, may_ask, posing
from conformance.readers import beside_readers
from conformance.surface import ToolCall
from reference_impl.protocol.revisions import LATEST_LEGACY

from .scripted import BRISK, Message, Scripted, Wire

QUESTION = {"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {}}


def posed(server: Scripted, guise: Guise, scene: Any) -> None:
    async def run(readers: Any) -> None:
        bench = Bench(server.target, LATEST_LEGACY, BRISK, readers)
        async with bench.opened("test") as peer, posing(peer, guise) as other:
            with anyio.fail_after(10):
                await scene(peer, other)

    async def main() -> None:
        await beside_readers(run)

    anyio.run(main)


def test_a_guise_declares_its_capabilities_and_looks_for_itself() -> None:
    async def tools(wire: Wire, message: Message) -> None:
        await wire.reply(message, {"tools": [{"name": f"tool-{wire.number}"}]})

    server = Scripted({"tools/list": tools}, {"tools": {}})

    async def scene(peer: Peer, other: Peer) -> None:
        assert (peer.guise, peer.surface.tools) == (BARE, [])
        assert other.surface.tools == [{"name": "tool-2"}]
        declared = [item["params"]["capabilities"] for item in server.heard if item["method"] == "initialize"]
        assert declared == [{}, {"sampling": {}}]

    posed(server, Guise({"sampling": {}}), scene)


@pytest.mark.parametrize(
    ("given", "heard"), [({"result": {"action": "decline"}}, True), ({}, False), (None, True)], ids=str
)
def test_what_a_guise_answers_is_sent_and_silence_is_not(given: Any, heard: bool) -> None:
    answers: list[Message] = []

    async def ask(wire: Wire, message: Message) -> None:
        await wire.say(QUESTION)
        await wire.reply(message, {})

    class Listening(Scripted):
        async def _take(self, wire: Wire, line: Any) -> None:
            if b'"id":"q"' in line:
                answers.append(line)
            await super()._take(wire, line)

    async def answer(request: Message) -> Message | None:
        assert request == QUESTION
        return given

    async def scene(_: Peer, other: Peer) -> None:
        await other.request("ask")
        await other.fence()
        assert bool(answers) is heard
        assert given is not None or b"-32601" in bytes(answers[0])

    posed(Listening({"ask": ask}), Guise({"elicitation": {}}, answer), scene)


def test_a_target_that_takes_no_second_client_leaves_it_to_others_to_say_so() -> None:
    async def once(wire: Wire, message: Message) -> None:
        await (wire.reply(message, server.greeting()) if wire.number == 1 else wire.refuse(message))

    server = Scripted({"initialize": once})
    with pytest.raises(Unserved, match="could not connect"):
        posed(server, Guise({"sampling": {}}), lambda *_: anyio.lowlevel.checkpoint())


def test_tools_that_may_ask_are_known_by_their_names_those_that_take_their_time_first() -> None:
    names = ["echo", "trigger-elicitation-request", "trigger-sampling-request-async", "simulate-research-query"]
    calls = [ToolCall({"name": name}, {}) for name in names]
    assert [may_ask(call.tool) for call in calls] == [False, True, True, True]
    likely = likely_to_ask(calls)
    assert [call.tool["name"] for call in likely] == [names[2], names[1], names[3]]
    assert likely[-1].arguments == {"ambiguous": True}
    assert not may_ask({"name": "task_manager"})
