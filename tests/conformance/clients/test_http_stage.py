"""The scripted server over HTTP: what it writes down, how its replies go out, and how a client that leaves shows."""

from __future__ import annotations

import json
from collections.abc import Callable

import anyio
import anyio.abc
import pytest
from anyio.streams.stapled import StapledObjectStream

from conformance.clients.http_stage import HttpStage
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.reply import CUT, END, Event, HttpRequest, Message, RawReply, Reply, Wait
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.revisions import LATEST_LEGACY

PING: Message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def behaving(**hooks: object) -> Scenario:
    return Scenario("test", "is bent for a test", lambda _: Behaviour(**hooks))  # type: ignore[arg-type] # by name


def posted(path: str, body: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (path.encode(), len(body), body)


async def exchange(scenario: Scenario, request: bytes, *, leaves: bool = False) -> tuple[bytes, Conversation]:
    """Send one request; return the bytes that came back until the server closed, and the transcript."""
    conversation = Conversation("http", "test")
    play = Play(scenario, Scene(LATEST_LEGACY, "http", conversation))
    stage = HttpStage(play, Pulse(5.0, 5.0, 5.0, 5.0))
    to_server, at_server = anyio.create_memory_object_stream[bytes](10)
    to_client, at_client = anyio.create_memory_object_stream[bytes](100)
    came = b""
    async with anyio.create_task_group() as tasks, at_client:
        tasks.start_soon(stage.serve, StapledObjectStream(to_client, at_server))  # type: ignore[arg-type] # bytes it is
        await to_server.send(request)
        if leaves:
            await anyio.wait_all_tasks_blocked()
            await to_server.aclose()
        with anyio.move_on_after(5):
            async for data in at_client:
                came += data
                if b"\r\n0\r\n\r\n" in came or (b"content-length" in came and b"\r\n\r\n" in came):
                    break
        await to_server.aclose()
    return came, conversation


def replied(reply: Callable[[Turn], Reply | None]) -> tuple[bytes, Conversation]:
    return anyio.run(exchange, behaving(reply=reply), posted("/mcp", json.dumps(PING).encode()))


def test_questions_make_a_stream_of_a_reply_and_the_answer_comes_last() -> None:
    notice = {"jsonrpc": "2.0", "method": "notifications/x"}
    came, conversation = replied(lambda turn: Reply(200, turn.usual().response, before=(notice,)))
    assert b"text/event-stream" in came
    assert came.index(b"notifications/x") < came.index(b'"result"')
    assert [entry.value for entry in conversation.sent()][1:] == [notice, {"jsonrpc": "2.0", "id": 1, "result": {}}]


@pytest.mark.parametrize(("end", "whole"), [(END, True), (CUT, False)])
def test_a_stream_ends_before_the_answer_cleanly_or_broken_off(end: Message, whole: bool) -> None:
    came, _ = replied(lambda turn: Reply(200, turn.usual().response, before=(Event(id="7", retry=9), end)))
    assert b"id: 7" in came
    assert b"result" not in came
    assert came.endswith(b"0\r\n\r\n") is whole


def test_what_goes_elsewhere_is_kept_beside_the_protocol() -> None:
    def http(request: HttpRequest) -> RawReply | None:
        return RawReply(418, (("X-Form", request.form["grant"]),), b"tea") if request.path == "/token" else None

    came, conversation = anyio.run(exchange, behaving(http=http), posted("/token", b"grant=a%20b"))
    assert came.startswith(b"HTTP/1.1 418")
    assert b"X-Form: a b" in came
    assert not [*conversation.received(), *conversation.sent()]
    assert [entry.data for entry in conversation.beside("/token")] == [b"grant=a%20b", b"tea"]


def test_a_message_at_a_wrong_path_is_a_message_all_the_same() -> None:
    _, conversation = anyio.run(exchange, behaving(), posted("/other", json.dumps(PING).encode()))
    assert [entry.value for entry in conversation.received()] == [PING]


def test_a_client_that_hangs_up_before_its_answer_is_written_down() -> None:
    scenario = behaving(reply=lambda turn: Reply(200, turn.usual().response, before=(Wait(seconds=60),)))
    came, conversation = anyio.run(lambda: exchange(scenario, posted("/mcp", json.dumps(PING).encode()), leaves=True))
    assert came == b""
    (noted,) = [entry for entry in conversation.entries if entry.direction is Direction.PROCESS]
    assert noted.exchange == 1
