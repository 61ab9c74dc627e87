"""What a peer says is what it was told to say; what it adds is what a correct client adds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import anyio
import pytest

from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.guise import Guise
from conformance.peer import CLIENT_INFO, Peer, encode, json_or_nothing
from conformance.readers import beside_readers
from conformance.transcript import NO_JSON
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, PROTOCOL_VERSION
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, R2025_03_26, Revision

from .scripted import BRISK, Message, Scripted, Wire


def with_peer(
    server: Scripted,
    scene: Callable[[Peer], Awaitable[Any]],
    revision: Revision = LATEST_LEGACY,
    *,
    opened: bool = True,
) -> Any:
    async def run(readers: Any) -> Any:
        bench = Bench(server.target, revision, BRISK, readers)
        async with (bench.opened if opened else bench.unopened)("test") as peer:
            with anyio.fail_after(60):
                return await scene(peer)

    async def main() -> Any:
        return await beside_readers(run)

    return anyio.run(main)


async def _answers(wire: Wire, message: Message) -> None:
    await wire.reply(message, {"seen": message.get("params")})


def test_a_legacy_peer_opens_with_a_handshake_and_adds_nothing_to_its_requests() -> None:
    server = Scripted({"x": _answers})

    async def scene(peer: Peer) -> None:
        assert (await peer.request("x", {"a": 1})).result == {"seen": {"a": 1}}
        assert (await peer.request("x")).result == {"seen": None}

    with_peer(server, scene)
    assert [message["method"] for message in server.heard[:2]] == ["initialize", "notifications/initialized"]
    assert server.heard[0]["params"] == {
        "protocolVersion": LATEST_LEGACY.name,
        "capabilities": {},
        "clientInfo": CLIENT_INFO,
    }


def test_a_modern_peer_describes_itself_in_each_request_and_keeps_what_a_check_wrote() -> None:
    async def discover(wire: Wire, message: Message) -> None:
        await wire.reply(message, {"supportedVersions": [LATEST.name], "capabilities": {"tools": {}}})

    async def scene(peer: Peer) -> None:
        assert peer.capabilities == {"tools": {}}
        seen = (await peer.request("x", {"_meta": {"own": 1}}, meta={"progressToken": 7})).result["seen"]
        assert seen["_meta"].keys() == {PROTOCOL_VERSION, CLIENT_CAPABILITIES, *_INFO, "own", "progressToken"}

    with_peer(Scripted({"x": _answers, "server/discover": discover}), scene, LATEST)


_INFO = {"io.modelcontextprotocol/clientInfo"}


def test_the_revision_that_the_server_chose_is_spoken_from_then_on() -> None:
    server = Scripted()
    server.version = R2025_03_26.name

    async def scene(peer: Peer) -> None:
        assert peer.revision is R2025_03_26
        assert peer.conversation.revision == R2025_03_26.name

    with_peer(server, scene)


@pytest.mark.parametrize("version", [LATEST.name, "1.0", None, ["x"]])
def test_a_handshake_that_agrees_on_no_legacy_revision_fails(version: Any) -> None:
    server = Scripted()
    server.version = version

    async def scene(peer: Peer) -> None:
        raise AssertionError("was opened")

    with pytest.raises(Mismatch, match="a protocolVersion of the handshake era"):
        with_peer(server, scene)


@pytest.mark.parametrize("capabilities", [None, [], "x"])
def test_capabilities_that_are_no_object_declare_nothing(capabilities: Any) -> None:
    async def initialize(wire: Wire, message: Message) -> None:
        await wire.reply(message, {**server.greeting(), "capabilities": capabilities})

    server = Scripted({"initialize": initialize})

    async def scene(peer: Peer) -> None:
        assert peer.capabilities == {}

    with_peer(server, scene)


def test_no_two_requests_of_a_run_have_one_id() -> None:
    async def scene(peer: Peer) -> None:
        identifiers = [peer.new_id() for _ in range(100)]
        assert len(set(identifiers)) == 100
        assert 0 not in identifiers

    with_peer(Scripted(), scene)


def test_the_target_s_own_requests_are_answered_as_by_a_client_without_capabilities() -> None:
    async def asks(wire: Wire, message: Message) -> None:
        await wire.say({"jsonrpc": "2.0", "id": "p", "method": "ping"})
        await wire.say({"jsonrpc": "2.0", "id": 0, "method": "roots/list"})
        await wire.reply(message, {})

    async def scene(peer: Peer) -> list[Any]:
        await peer.request("x")
        await anyio.wait_all_tasks_blocked()
        return [entry.value for entry in peer.conversation.sent() if "method" not in entry.value]

    first, second = with_peer(Scripted({"x": asks}), scene)
    assert (first["id"], first["result"]) == ("p", {})
    assert (second["id"], second["error"]["code"]) == (0, -32601)


def test_a_target_that_asks_without_reading_holds_nobody_up() -> None:
    async def pesters(wire: Wire, message: Message) -> None:
        # All of these are written before one byte of our answers is read, which together fill the channel.
        for number in range(12_000):
            await wire.say({"jsonrpc": "2.0", "id": number, "method": "roots/list"})
        await wire.reply(message, {})

    async def scene(peer: Peer) -> None:
        # A second's work on an idle machine; a deadlock would outlast any patience.
        assert (await peer.request("x", timeout=60)).result == {}

    with_peer(Scripted({"x": pesters}), scene)


def test_an_answer_that_fails_for_want_of_a_target_ends_nothing_else() -> None:
    async def asks(wire: Wire, message: Message) -> None:
        await wire.say({"jsonrpc": "2.0", "id": "s", "method": "roots/list"})
        await wire.reply(message, {})

    async def answer(_question: Message) -> Message:
        raise Mismatch("a target that reads its input", "the process exited")

    async def scene(peer: Peer) -> None:
        peer.guise = Guise({"roots": {}}, answer)
        await peer.request("x")
        await peer.fence()

    with_peer(Scripted({"x": asks}), scene)


def test_what_is_overheard_may_have_come_already_or_may_come_yet_or_never() -> None:
    async def tells(wire: Wire, message: Message) -> None:
        await wire.say({"jsonrpc": "2.0", "method": "notifications/x", "params": {"n": message["params"]["n"]}})

    def numbered(number: int) -> Callable[[Any], bool]:
        return lambda entry: bool(entry.value["params"]["n"] == number)

    async def scene(peer: Peer) -> None:
        await peer.notify("x", {"n": 1})
        assert await peer.overhear(numbered(1), 5) is not None
        assert await peer.overhear(numbered(1), 5) is not None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(peer.notify, "x", {"n": 2})
            assert await peer.overhear(numbered(2), 5, since=1) is not None
        assert await peer.overhear(numbered(3), 0.05) is None

    with_peer(Scripted({"x": tells}), scene)


def test_a_message_goes_out_as_it_is_however_wrong() -> None:
    async def scene(peer: Peer) -> bytes:
        await peer.tell([1, None, {"jsonrpc": "1.0"}], "an array")
        entry = list(peer.conversation.sent())[-1]
        assert entry.defect == "an array"
        return entry.data

    assert with_peer(Scripted(), scene, opened=False) == b'[1,null,{"jsonrpc":"1.0"}]'


def test_text_is_encoded_as_itself_and_lone_surrogates_do_not_stop_it() -> None:
    assert encode({"a": "é\u2028\ud800"}) == b'{"a":"' + "é\u2028".encode() + b'\xed\xa0\x80"}'


def test_bytes_that_are_no_json_have_no_value() -> None:
    assert json_or_nothing(b"{") is NO_JSON
    assert json_or_nothing(b"[" * 100_000) is NO_JSON
    assert json_or_nothing(b"null") is None


def test_a_process_that_has_said_nothing_yet_may_take_as_long_as_a_start_takes() -> None:
    async def late(wire: Wire, message: Message) -> None:
        waited.append(message)
        await wire.reply(message, {})

    waited: list[Message] = []
    server = Scripted({"x": late})

    async def scene(peer: Peer) -> None:
        peer.patience = replace(BRISK, answer=0.0001, start=5.0)
        peer.process = cast(Any, object())  # all that matters is that there is one
        assert (await peer.request("x")).result == {}

    with_peer(server, scene, opened=False)
    assert waited
