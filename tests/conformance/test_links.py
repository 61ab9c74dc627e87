"""A link over one ordered channel: whose answer is whose, and every way in which a target can leave us waiting."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from conformance import links
from conformance.channel import WHOLE, decode
from conformance.links import Flooded, Gone, Silence, StreamLink
from conformance.transcript import NO_JSON, Conversation, Direction, Entry
from reference_impl.transports.memory import MemoryChannel, memory_pair

Play = Callable[[StreamLink, MemoryChannel, list[Entry]], Awaitable[None]]


def play(scene: Play, patience: float = 5.0) -> Conversation:
    """Let a scene speak over a link whose other end it holds; the list is what nobody had asked for."""

    async def run() -> Conversation:
        ours, theirs = memory_pair()
        conversation = Conversation("memory", "test")
        unasked: list[Entry] = []

        async def listener(entry: Entry) -> None:
            unasked.append(entry)

        link = StreamLink(ours, conversation, _closed, patience)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(link.read, listener)
            with anyio.fail_after(10):
                await scene(link, theirs, unasked)
            await ours.aclose()
        return conversation

    return anyio.run(run)


async def _closed() -> str:
    return "the target closed the stream"


def request(identifier: Any, method: str = "ping") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method}


async def ask(link: StreamLink, identifier: Any, timeout: float = 5.0, defect: str | None = None) -> Any:
    message = request(identifier)
    return (await link.call(json.dumps(message).encode(), message, timeout, defect)).message


async def hear(theirs: MemoryChannel, count: int) -> list[dict[str, Any]]:
    data = b""
    while data.count(b"\n") < count:
        data += await theirs.receive()
    return [json.loads(line) for line in data.splitlines()]


def response(identifier: Any, **more: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": identifier, "result": more}).encode() + b"\n"


def test_answers_find_their_requests_in_any_order_and_however_cut() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        got: dict[int, Any] = {}

        async def one(identifier: int) -> None:
            got[identifier] = await ask(link, identifier)

        async with anyio.create_task_group() as tasks:
            for identifier in (1, 2, 3):
                tasks.start_soon(one, identifier)
            await hear(theirs, 3)
            data = response(3, n=3) + response(1, n=1) + response(2, n=2)
            for place in range(0, len(data), 7):
                await theirs.send(data[place : place + 7])
        assert {identifier: answer["result"]["n"] for identifier, answer in got.items()} == {1: 1, 2: 2, 3: 3}
        assert unasked == []

    play(scene)


@pytest.mark.parametrize(("asked", "answered"), [(7, "7"), ("7", 7), (7, 7.0), (0, "0")])
def test_an_answer_with_the_id_in_another_type_is_delivered(asked: Any, answered: Any) -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        async def answer() -> None:
            await hear(theirs, 1)
            await theirs.send(response(answered))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            assert (await ask(link, asked))["id"] == answered

    play(scene)


def test_of_two_requests_alike_but_for_the_type_of_the_id_each_gets_its_own_answer() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        got = {}

        async def one(identifier: Any) -> None:
            got[type(identifier)] = (await ask(link, identifier))["id"]

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, 7)
            tasks.start_soon(one, "7")
            await hear(theirs, 2)
            await theirs.send(response("7") + response(7))
        assert got == {int: 7, str: "7"}

    play(scene)


def test_what_nobody_asked_for_goes_to_the_listener_and_blank_lines_to_nobody() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        await theirs.send(b'\n  \n{"jsonrpc":"2.0","method":"notifications/x"}\r\nno json\n' + response(99))
        await theirs.aclose()
        await link.silent.wait()
        assert [entry.value if entry.value is NO_JSON else sorted(entry.value) for entry in unasked] == [
            ["jsonrpc", "method"],
            NO_JSON,
            ["id", "jsonrpc", "result"],
        ]
        assert {entry.owner for entry in unasked} == {"the target"}

    play(scene)


def test_a_line_that_never_ended_is_still_evidence() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        await theirs.send(b'{"jsonrpc":')
        await theirs.aclose()
        await link.silent.wait()
        assert [entry.data for entry in unasked] == [b'{"jsonrpc":']

    play(scene)


def test_silence_and_the_end_of_the_stream_are_told_apart() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        with pytest.raises(Silence, match=r"an answer to ping within 0\.05 s"):
            await ask(link, 1, 0.05)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(theirs.aclose)
            with pytest.raises(Gone, match="the target closed the stream") as caught:
                await ask(link, 2)
        assert link.conversation.entries[caught.value.entries[-1]].direction is Direction.PROCESS

    play(scene)


def test_nothing_is_written_nor_waited_for_once_the_target_has_gone() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        await theirs.aclose()
        await link.silent.wait()
        known = len(link.conversation.entries)
        for speak in (lambda: ask(link, 1, 3600), lambda: link.send(b"{}"), lambda: link.write([b"{}"], 3600)):
            with pytest.raises(Gone):
                await speak()
        assert len(link.conversation.entries) == known

    play(scene)


def test_a_target_that_reads_nothing_is_silent_and_does_not_hold_us_for_ever() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        await link.send(b"a" * (1 << 20))
        with pytest.raises(Silence, match=r"a target that reads its input within 0\.05 s"):
            await link.send(b"{}")

    play(scene, patience=0.05)


@pytest.mark.parametrize("noise", [b"spam\n", b"\n", b'{"jsonrpc":"2.0","method":"notifications/x"}\n'])
def test_a_flood_of_lines_ends_the_conversation_and_fills_no_memory(noise: bytes) -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        link.tolerance = 500
        await theirs.send(noise * 5_000)
        with pytest.raises(Flooded, match="flooded its output: 500 lines"):
            await ask(link, 1)
        assert len(link.conversation.entries) <= 510

    play(scene)


def test_a_line_without_end_is_a_flood_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FLOOD_BYTES", 1 << 21)

    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        for _ in range(3):
            await theirs.send(b"a" * (1 << 20))
        with pytest.raises(Flooded, match="2 MiB"):
            await ask(link, 1)

    play(scene)


def test_large_answers_that_were_asked_for_are_no_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FLOOD_BYTES", 1 << 16)

    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        async def answer() -> None:
            for _ in range(4):
                (message,) = await hear(theirs, 1)
                await theirs.send(response(message["id"], text="a" * 40_000))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            for identifier in range(4):
                await ask(link, identifier)
        assert link.flooded is None

    play(scene)


def test_a_slow_reader_leaves_what_the_target_wrote_where_it_is() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        with link.unread():
            await theirs.send(b"{}\n")
            await anyio.wait_all_tasks_blocked()
            assert unasked == []
        await anyio.wait_all_tasks_blocked()
        assert len(unasked) == 1

    play(scene)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"null", None),
        (b'{"a": 1.0}', {"a": 1.0}),
        (b"NaN", NO_JSON),
        (b"[Infinity]", NO_JSON),
        (b"\xff", NO_JSON),
        (b"\xef\xbb\xbf{}", NO_JSON),
        (b"[" * 200_000, NO_JSON),
        (b'{"a":1}{"b":2}', NO_JSON),
    ],
)
def test_json_is_read_by_the_letter(data: bytes, value: Any) -> None:
    assert decode(data) == value or decode(data) is value


def _lost(code: int = -32601) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": "?"}}).encode() + b"\n"


def test_answers_that_lost_their_ids_go_to_who_waited_longest() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        got: dict[int, Any] = {}

        async def one(identifier: int) -> None:
            got[identifier] = (await ask(link, identifier))["error"]["code"]

        async with anyio.create_task_group() as tasks:
            for identifier in (1, 2):
                tasks.start_soon(one, identifier)
            sent = await hear(theirs, 2)
            await theirs.send(_lost(-1) + _lost(-2))
        assert got == {sent[0]["id"]: -1, sent[1]["id"]: -2}

    play(scene)


@pytest.mark.parametrize("mute", [True, False])
def test_an_answer_without_id_may_be_a_notification_s_unless_the_target_leaves_those_alone(mute: bool) -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await link.send(json.dumps(notification).encode(), notification)
        if mute:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, link, 1)
                await hear(theirs, 2)
                await theirs.send(response(1))
        assert link.matcher.ignored == (frozenset({"notifications/initialized"}) if mute else frozenset())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(theirs.send, _lost())
            if mute:
                assert (await ask(link, 2))["error"]["code"] == -32601
            else:
                with pytest.raises(Silence):
                    await ask(link, 2, 0.05)

    play(scene)


def test_a_target_that_left_one_notification_alone_may_still_answer_another() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        link.matcher.ignored = frozenset({"notifications/initialized"})
        notification = {"jsonrpc": "2.0", "method": "notifications/unheard-of"}
        await link.send(json.dumps(notification).encode(), notification)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(theirs.send, _lost() + response(1))
            assert (await ask(link, 1))["id"] == 1
        assert [entry.value["error"]["code"] for entry in unasked] == [-32601]

    play(scene)


def test_a_held_line_goes_out_in_one_write_with_the_next() -> None:
    async def scene(link: StreamLink, theirs: MemoryChannel, unasked: list[Entry]) -> None:
        await link.hold(b"no JSON", defect="no JSON")
        await link.send(b"{}", {})
        assert await theirs.receive() == b"no JSON\n{}\n"

    conversation = play(scene)
    assert [entry.data for entry in conversation.sent()] == [b"no JSON", b"{}"]


def test_where_lines_end_nothing_a_held_message_goes_out_at_once() -> None:
    async def run() -> bytes:
        ours, theirs = memory_pair()
        link = StreamLink(ours, Conversation("ws", "test"), _closed, 5.0, WHOLE)
        await link.hold(b"[]", [])
        return await theirs.receive()

    assert anyio.run(run) == b"[]"
