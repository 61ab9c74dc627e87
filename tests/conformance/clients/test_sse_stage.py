"""The scripted server over HTTP with SSE: many answers on one stream, and last words to a stream that is gone."""

from __future__ import annotations

import json
import re

import anyio
import anyio.abc

from conformance.clients.listening import listen
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.scenario import Behaviour, Scenario, Scene
from conformance.clients.sse_stage import SseStage
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import LATEST_LEGACY

_MANY = 40


def ping(identifier: int) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": identifier, "method": "ping"}).encode()


async def post(port: int, target: bytes, body: bytes) -> bytes:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        head = b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (target, len(body))
        await stream.send(head + body)
        return await stream.receive()


async def until(stream: anyio.abc.ByteStream, pattern: bytes, times: int = 1) -> bytes:
    came = b""
    while len(re.findall(pattern, came)) < times:
        came += await stream.receive()
    return came


async def talk(posts: int, *, leaves: bool) -> tuple[bytes, bytes]:
    """Open a stream, and post pings to it side by side; return what came on it, and the last reply to a POST."""
    scenario = Scenario("test", "is itself", lambda _: Behaviour())
    stage = SseStage(
        Play(scenario, Scene(LATEST_LEGACY, "sse", Conversation("sse", "test"))), Pulse(5.0, 5.0, 5.0, 5.0)
    )
    replies: list[bytes] = []

    async def one(target: bytes, identifier: int) -> None:
        replies.append(await post(address.port, target, ping(identifier)))

    async with listen() as address, anyio.create_task_group() as tasks:
        tasks.start_soon(address.serve, stage.serve)
        stream = await anyio.connect_tcp("127.0.0.1", address.port)
        async with stream:
            await stream.send(b"GET /sse HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n")
            came = await until(stream, rb"session_id=\d+")
            target = re.findall(rb"/messages\?session_id=\d+", came)[0]
            async with anyio.create_task_group() as several:
                for identifier in range(0 if leaves else posts):
                    several.start_soon(one, target, identifier)
            came = b"" if leaves else await until(stream, rb'"result"', posts)
        if leaves:
            for identifier in range(posts):
                await one(target, identifier)
        tasks.cancel_scope.cancel()
    return came, replies[-1]


def test_requests_side_by_side_are_all_answered_on_the_one_stream() -> None:
    came, _ = anyio.run(lambda: talk(_MANY, leaves=False))
    assert {int(found) for found in re.findall(rb'"id": (\d+)', came)} == {*range(_MANY)}


def test_a_last_word_to_a_stream_that_the_client_has_left_is_accepted_and_goes_nowhere() -> None:
    _, reply = anyio.run(lambda: talk(3, leaves=True))
    assert reply.startswith(b"HTTP/1.1 202")
