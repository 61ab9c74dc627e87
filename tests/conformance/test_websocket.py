"""A WebSocket as a channel of the judge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from conformance.bench import Bench
from conformance.eras import detect
from conformance.links import Gone
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.readers import beside_readers
from conformance.target import WebSocketTarget
from fixtures.miniatures.bend import Miniature
from fixtures.miniatures.serve import target_of
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

PATIENCE = Patience(start=5, answer=5, quiet=0.1)


def speak(scene: Callable[[Peer], Awaitable[None]], path: str = "/ws") -> None:
    async def run(readers: Any) -> None:
        async with target_of(Miniature("straight", "", "is right", over="ws")) as target:
            assert isinstance(target, WebSocketTarget)
            there = WebSocketTarget(target.url.removesuffix("/ws") + path)
            async with Bench(there, LATEST, PATIENCE, readers).unopened("test") as peer:
                await scene(peer)

    async def main() -> None:
        await beside_readers(run)

    anyio.run(main)


def test_messages_with_line_ends_in_them_arrive_whole() -> None:
    async def scene(peer: Peer) -> None:
        answer = await peer.request("server/discover", meta={"com.example/note": "a\nb\u2028c"})
        assert isinstance(answer.result, dict)
        entry = await peer.stream.send(b'{"jsonrpc":"2.0",\n"id":"spread","method":"server/discover"}', defect="none")
        assert entry.data.count(b"\n") == 1
        heard = await peer.overhear(lambda entry: entry.is_response() and entry.value["id"] == "spread", 5)
        assert heard is not None

    speak(scene)


def test_a_socket_that_closes_ends_the_conversation_and_says_why() -> None:
    async def scene(peer: Peer) -> None:
        with pytest.raises(Gone, match="1007"):
            await peer.stream.call(b'"\xff"', {"id": 1, "method": "ping"}, 5)

    speak(scene)


def test_a_handshake_that_is_refused_opens_no_conversation() -> None:
    async def scene(peer: Peer) -> None:
        raise AssertionError

    with pytest.raises(Gone, match="HTTP 404"):
        speak(scene, "/nowhere")


def test_both_eras_are_found_over_a_socket_and_a_wrong_path_is_told_with_a_hint() -> None:
    async def run(readers: Any) -> None:
        async with target_of(Miniature("straight", "", "is right", over="ws")) as target:
            assert isinstance(target, WebSocketTarget)
            eras = await detect(lambda revision: Bench(target, revision, PATIENCE, readers))
            assert eras.revisions == [LATEST_LEGACY, LATEST]
            nowhere = WebSocketTarget(f"{target.url}/nowhere")
            eras = await detect(lambda revision: Bench(nowhere, revision, PATIENCE, readers))
            assert "is this the path" in eras.describe()

    async def main() -> None:
        await beside_readers(run)

    anyio.run(main)
