"""HTTP with SSE as a channel of the judge: one stream of events, messages posted beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from conformance.bench import Bench
from conformance.links import Gone, Silence, Throttled
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.readers import beside_readers
from conformance.target import SseTarget
from conformance.transcript import Direction
from fixtures.miniatures.bent_http import listening
from reference_impl.protocol.revisions import REVISIONS

PATIENCE = Patience(start=1, answer=1, quiet=0.1)
Post = Callable[[dict[str, Any], Callable[[bytes], None]], tuple[int, bytes]]


class Server:
    """Streams what `first` says, then what `post` writes; `post` returns the status and body of each POST."""

    def __init__(
        self, first: bytes, post: Post = lambda _message, _write: (202, b"Accepted"), status: int = 200
    ) -> None:
        self._first, self._post, self._status = first, post, status
        self._events: asyncio.Queue[bytes] = asyncio.Queue()
        self.heads: list[dict[bytes, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.heads.append(dict(scope["headers"]))
        if scope["method"] == "POST":
            message = json.loads((await receive())["body"])
            status, body = self._post(message, self._events.put_nowait)
            await _answer(send, status, body)
            return
        kind = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": self._status, "headers": kind})
        await send({"type": "http.response.body", "body": self._first, "more_body": self._status == 200})
        if self._status != 200:
            return
        while event := await self._events.get():
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _answer(send: Any, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


ENDPOINT = b"event: endpoint\r\ndata: /messages?session=1\r\n\r\n"


def _event(message: Any) -> bytes:
    return f"event: message\ndata: {json.dumps(message)}\n\n".encode()


def _echo(message: dict[str, Any], write: Callable[[bytes], None]) -> tuple[int, bytes]:
    write(_event({"jsonrpc": "2.0", "id": message["id"], "result": {}}))
    return 202, b""


def speak(server: Server, scene: Callable[[Peer], Awaitable[None]]) -> None:
    async def run(readers: Any) -> None:
        async with listening(server) as url:
            target = SseTarget(f"{url}/sse", {"X-Key": "1"})
            async with Bench(target, REVISIONS[0], PATIENCE, readers).unopened("test") as peer:
                await scene(peer)

    async def main() -> None:
        await beside_readers(run)

    anyio.run(main)


def test_what_is_posted_is_answered_on_the_stream() -> None:
    server = Server(b": hello\n\n" + ENDPOINT, _echo)

    async def scene(peer: Peer) -> None:
        assert (await peer.request("ping", id="a")).result == {}
        assert [entry.exchange for entry in peer.conversation.received() if entry.is_message] == [0]
        assert not peer.over_http

    speak(server, scene)
    assert all(head[b"x-key"] == b"1" for head in server.heads)


def test_a_message_in_several_lines_of_data_is_one_message() -> None:
    def spread(message: dict[str, Any], write: Callable[[bytes], None]) -> tuple[int, bytes]:
        write(b'data: {"jsonrpc": "2.0",\ndata: "id": 7,\ndata: "result": {}}\n\n')
        return 200, b"Accepted"

    async def scene(peer: Peer) -> None:
        assert (await peer.request("ping", id=7)).result == {}

    speak(Server(ENDPOINT, spread), scene)


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"Could not parse message", None), (b'{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"no"}}', -32600)],
)
def test_a_refusal_of_the_post_is_the_answer(body: bytes, code: int | None) -> None:
    async def scene(peer: Peer) -> None:
        answer = await peer.request("ping", id=7)
        assert (answer.status, answer.code) == (400, code)
        await peer.notify("notifications/initialized")
        refusals = [entry.head.status for entry in peer.conversation.received() if entry.head]
        assert refusals == [200, 400, 400]

    speak(Server(ENDPOINT, lambda _message, _write: (400, body)), scene)


def test_a_limit_on_requests_is_no_verdict() -> None:
    async def scene(peer: Peer) -> None:
        with pytest.raises(Throttled):
            await peer.request("ping")

    speak(Server(ENDPOINT, lambda _message, _write: (429, b"")), scene)


def test_a_status_of_limits_for_a_session_whose_stream_ends_is_no_limit() -> None:
    def over(_message: dict[str, Any], write: Callable[[bytes], None]) -> tuple[int, bytes]:
        write(b"")
        return 503, b"No active connection"

    async def scene(peer: Peer) -> None:
        with pytest.raises(Gone) as gone:
            await peer.request("ping")
        assert not isinstance(gone.value, Throttled)

    speak(Server(ENDPOINT, over), scene)


def test_a_stream_that_ends_ends_the_conversation() -> None:
    def leave(_message: dict[str, Any], write: Callable[[bytes], None]) -> tuple[int, bytes]:
        write(b"")
        return 202, b""

    async def scene(peer: Peer) -> None:
        with pytest.raises(Gone, match="ended its stream"):
            await peer.request("ping")
        assert peer.conversation.entries[-1].direction is Direction.PROCESS

    speak(Server(ENDPOINT, leave), scene)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (Server(b"", status=404), "HTTP 404"),
        (Server(b"event: message\ndata: {}\n\n"), "names no endpoint"),
        (Server(b"event: endpoint\ndata: https://elsewhere.example/\n\n"), "another origin"),
    ],
)
def test_what_opens_no_stream_opens_no_conversation(server: Server, why: str) -> None:
    async def scene(peer: Peer) -> None:
        raise AssertionError

    with pytest.raises((Gone, Silence), match=why):
        speak(server, scene)
