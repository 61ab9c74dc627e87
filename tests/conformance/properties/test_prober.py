"""Cases one after the other on one conversation, from another thread, on targets that do not bear them all."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio import to_thread

from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.links import Silence
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.prober import Abandoned, Prober, TargetLost
from conformance.readers import beside_readers
from reference_impl.protocol.revisions import LATEST_LEGACY

from ..scripted import BRISK, HASTY, Message, Scripted, Wire

PING = Case("ping", Expectation.ANSWER, {"jsonrpc": "2.0", "id": 7, "method": "ping"})
ODD = Case("odd", Expectation.ANSWER, {"jsonrpc": "2.0", "id": 7, "method": "odd"})


def with_prober(server: Scripted, scene: Callable[[Prober], Awaitable[Any]], patience: Any = BRISK) -> Any:
    async def run(readers: Any) -> Any:
        prober = Prober(Bench(server.target, LATEST_LEGACY, patience, readers), "test")
        try:
            with anyio.fail_after(15):
                return await scene(prober)
        finally:
            await prober.close()

    async def main() -> Any:
        return await beside_readers(run)

    return anyio.run(main)


async def _dies(wire: Wire, message: Message) -> None:
    await wire.leave()


async def _ignores(wire: Wire, message: Message) -> None:
    pass


def test_one_conversation_serves_many_cases_and_keeps_no_transcript_of_those_that_pass() -> None:
    server = Scripted()

    async def scene(prober: Prober) -> None:
        for _ in range(50):
            await prober.try_case(PING)
        assert prober.tried == 50
        assert prober._peer is not None
        assert prober._peer.conversation.entries == []

    with_prober(server, scene)
    assert server.connections == 1
    asked = [message["id"] for message in server.heard if message["method"] == "ping"]
    assert len(set(asked)) == len(asked)


def test_a_case_that_kills_the_target_leaves_its_wire_and_the_next_gets_a_new_conversation() -> None:
    server = Scripted({"odd": _dies})

    async def scene(prober: Prober) -> None:
        await prober.try_case(PING)
        with pytest.raises(Mismatch):
            await prober.try_case(ODD)
        assert any(b'"odd"' in entry.data for entry in prober.wire)
        await prober.try_case(PING)

    with_prober(server, scene)
    assert server.connections == 2


def test_after_a_first_silence_later_ones_cost_less() -> None:
    async def scene(prober: Prober) -> None:
        took = []
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(Silence):
                await prober.try_case(ODD)
            took.append(time.monotonic() - began)
        assert took[1] < took[0]

    with_prober(Scripted({"odd": _ignores}), scene, HASTY.scaled(0.8))


def test_a_target_that_opens_no_more_is_lost_and_not_tried_again_and_again() -> None:
    async def first_only(wire: Wire, message: Message) -> None:
        await (wire.reply(message, server.greeting()) if wire.number == 1 else wire.leave())

    server = Scripted({"initialize": first_only, "odd": _dies})

    async def scene(prober: Prober) -> None:
        with pytest.raises(Mismatch):
            await prober.try_case(ODD)
        with pytest.raises(TargetLost):
            await prober.try_case(PING)
        assert prober.lost
        known = server.connections
        with pytest.raises(Abandoned):
            await to_thread.run_sync(prober.try_from_thread, PING)
        assert server.connections == known < 10

    with_prober(server, scene)


def test_a_case_from_a_thread_passes_or_raises_there() -> None:
    async def scene(prober: Prober) -> None:
        await to_thread.run_sync(prober.try_from_thread, PING)
        with pytest.raises(Mismatch):
            await to_thread.run_sync(prober.try_from_thread, ODD)

    with_prober(Scripted({"odd": _dies}), scene)


def test_a_thread_whose_case_nobody_awaits_any_more_ends_soon() -> None:
    async def scene(prober: Prober) -> None:
        ended = anyio.Event()

        async def search() -> None:
            with pytest.raises(Abandoned):
                await to_thread.run_sync(prober.try_from_thread, ODD)
            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(search)
            while prober.tried == 0:
                await anyio.wait_all_tasks_blocked()
                await anyio.lowlevel.checkpoint()
            await prober.abandon()
            with anyio.fail_after(3):
                await ended.wait()

    with_prober(Scripted({"odd": _ignores}), scene, BRISK.scaled(3600))
