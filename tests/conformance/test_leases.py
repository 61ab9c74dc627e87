"""Connections that are handed on: who may have one after whom, and that none is left open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from conformance.bench import Bench
from conformance.leases import Need
from conformance.readers import beside_readers
from reference_impl.protocol.revisions import LATEST_LEGACY, Revision, revision_named

from .scripted import BRISK, Message, Scripted, Wire


def with_bench(server: Scripted, scene: Callable[[Bench], Awaitable[None]], revision: Revision = LATEST_LEGACY) -> None:
    async def run(readers: Any) -> None:
        with anyio.fail_after(20):
            await scene(Bench(server.target, revision, BRISK, readers))

    async def main() -> None:
        await beside_readers(run)

    anyio.run(main)


@pytest.mark.parametrize("need", [Need.UNTOUCHED, Need.ANY])
def test_a_connection_on_which_only_correct_requests_were_said_is_handed_on(need: Need) -> None:
    async def scene(bench: Bench) -> None:
        async with bench.leases.lease("one", Need.NEW) as first:
            await first.peer.fence()
            first.fit = True
        async with bench.leases.lease("two", need) as second:
            assert second.peer is first.peer
            await second.peer.fence()
        await bench.leases.aclose()

    server = Scripted()
    with_bench(server, scene)
    assert server.connections == 1


def test_one_on_which_something_wrong_was_said_is_only_for_who_takes_any() -> None:
    async def scene(bench: Bench) -> None:
        async with bench.leases.lease("one", Need.NEW) as first:
            await first.peer.call(first.peer.message("ping"), defect="whatever it be")
            first.fit = True
        async with bench.leases.lease("two", Need.UNTOUCHED) as second:
            assert second.peer is not first.peer
        async with bench.leases.lease("three", Need.ANY) as third:
            assert third.peer is first.peer

    with_bench(Scripted(), scene)


@pytest.mark.parametrize(
    ("need", "said", "the_same"),
    [
        (Need.UNOPENED, False, False),
        (Need.NEW, False, True),
        (Need.NEW, True, False),
    ],
)
def test_who_wants_a_new_one_gets_one_on_which_nothing_but_the_handshake_was_said(
    need: Need, said: bool, the_same: bool
) -> None:
    async def scene(bench: Bench) -> None:
        async with bench.leases.lease("one", Need.NEW) as first:
            if said:
                await first.peer.fence()
            first.fit = True
        async with bench.leases.lease("two", need) as second:
            assert (second.peer is first.peer) == the_same
        await bench.leases.aclose()

    with_bench(Scripted(), scene)


def test_one_that_is_not_called_fit_or_that_the_target_left_is_closed() -> None:
    async def leave(wire: Wire, message: Message) -> None:
        await wire.reply(message, {})
        await wire.leave()

    async def scene(bench: Bench) -> None:
        async with bench.leases.lease("unfit", Need.NEW):
            pass
        async with bench.leases.lease("left", Need.NEW) as left:
            await left.peer.request("leave")
            await left.peer.stream.silent.wait()
            left.fit = True
        async with bench.leases.lease("new", Need.ANY) as new:
            assert new.peer.conversation.purpose == "new"

    server = Scripted({"leave": leave})
    with_bench(server, scene)
    assert server.connections == 3


def test_one_that_never_did_its_handshake_is_not_handed_on() -> None:
    async def scene(bench: Bench) -> None:
        async with bench.leases.lease("silent", Need.UNOPENED) as silent:
            silent.fit = True
        async with bench.leases.lease("open", Need.ANY) as opened:
            assert opened.peer is not silent.peer

    with_bench(Scripted(), scene)


def test_one_of_another_revision_is_not_handed_on() -> None:
    async def scene(bench: Bench) -> None:
        async with bench.leases.lease("older", Need.NEW) as older:
            older.peer.revision = revision_named("2024-11-05") or LATEST_LEGACY
            older.fit = True
        async with bench.leases.lease("open", Need.ANY) as opened:
            assert opened.peer is not older.peer

    with_bench(Scripted(), scene)


def test_who_can_wait_gets_the_one_that_another_returns_soon() -> None:
    async def scene(bench: Bench) -> None:
        got = []

        async def wait() -> None:
            async with bench.leases.lease("waits", Need.UNTOUCHED, soon=30) as lease:
                got.append(lease.peer)

        async with anyio.create_task_group() as tasks, bench.leases.lease("has it", Need.NEW) as first:
            tasks.start_soon(wait)
            await first.peer.fence()
            first.fit = True
        assert got == [first.peer]

    server = Scripted()
    with_bench(server, scene)
    assert server.connections == 1


def test_nobody_waits_for_the_return_of_one_that_nobody_uses() -> None:
    async def scene(bench: Bench) -> None:
        async with bench.leases.first("shared"), bench.leases.lease("another", Need.UNTOUCHED, soon=3600) as lease:
            assert lease.peer.conversation.purpose == "another"

    with_bench(Scripted(), scene)


def test_what_is_dismissed_is_closed_but_for_those_on_which_least_was_said() -> None:
    async def scene(bench: Bench) -> None:
        async with (
            bench.leases.lease("spoken to", Need.NEW) as spoken,
            bench.leases.lease("new", Need.NEW) as new,
        ):
            await spoken.peer.call(spoken.peer.message("ping"), defect="whatever it be")
            spoken.fit = new.fit = True
        bench.leases.dismiss(1)
        await spoken.peer.stream.silent.wait()
        async with bench.leases.lease("next", Need.ANY) as following:
            assert following.peer is new.peer
        await bench.leases.aclose()

    with_bench(Scripted(), scene)
