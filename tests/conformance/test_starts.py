"""Turns in which processes start."""

from __future__ import annotations

import sys

import anyio

from conformance.bench import Bench
from conformance.patience import Patience
from conformance.readers import beside_readers
from conformance.starts import Starts
from conformance.target import StdioTarget
from reference_impl.protocol.revisions import LATEST_LEGACY

_ECHOES_ALL = "import sys\nfor line in sys.stdin: sys.stdout.write(line.replace('ping', 'pong')); sys.stdout.flush()"


def test_one_starts_when_another_has_ended_its_turn() -> None:
    async def scene() -> None:
        starts, order = Starts(1), []

        async def second() -> None:
            turn = await starts.turn(60)
            order.append("second")
            turn.end()

        async with anyio.create_task_group() as tasks:
            turn = await starts.turn(60)
            tasks.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            order.append("first")
            turn.end()
            turn.end()
        assert order == ["first", "second"]
        turn = await starts.turn(60)
        assert not await _gets_a_turn(starts), "a turn that was ended twice made room for two"

    anyio.run(scene)


def test_nobody_waits_for_ever_for_those_that_say_nothing() -> None:
    async def scene() -> None:
        starts = Starts(1)
        held = await starts.turn(60)
        late = await starts.turn(0.01)
        late.end()
        assert not await _gets_a_turn(starts), "one that came without a turn gave one back"
        held.end()
        assert await _gets_a_turn(starts)

    anyio.run(scene)


async def _gets_a_turn(starts: Starts) -> bool:
    with anyio.move_on_after(0.05) as waited:
        await starts.turn(60)
    return not waited.cancelled_caught


def test_the_first_word_of_a_process_lets_the_next_one_start() -> None:
    async def scene(readers: anyio.abc.TaskGroup) -> None:
        bench = Bench(StdioTarget((sys.executable, "-c", _ECHOES_ALL)), LATEST_LEGACY, Patience(), readers)
        bench.starts, started = Starts(1), anyio.Event()

        async def second() -> None:
            async with bench.unopened("second"):
                started.set()

        async with anyio.create_task_group() as tasks, bench.unopened("first") as peer:
            tasks.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            assert not started.is_set()
            await peer.tell({"jsonrpc": "2.0", "method": "ping"})
            with anyio.fail_after(60):
                await started.wait()

    anyio.run(beside_readers, scene)
