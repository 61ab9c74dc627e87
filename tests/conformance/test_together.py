"""Things done at the same time."""

from __future__ import annotations

import anyio
import pytest

from conformance.expect import Mismatch
from conformance.together import together


def test_values_come_in_the_order_of_the_calls_not_of_their_ends() -> None:
    async def main() -> list[str]:
        second_done = anyio.Event()

        async def first() -> str:
            await second_done.wait()
            return "first"

        async def second() -> str:
            second_done.set()
            return "second"

        return await together(first, second)

    assert anyio.run(main) == ["first", "second"]


def test_a_mismatch_comes_out_as_itself_once_all_are_done() -> None:
    done: list[str] = []

    async def fails() -> None:
        raise Mismatch("this", "that")

    async def works() -> None:
        await anyio.lowlevel.checkpoint()
        done.append("works")

    with pytest.raises(Mismatch):
        anyio.run(together, fails, works)
    assert done == ["works"]


def test_no_more_run_at_once_than_may() -> None:
    running: list[int] = []
    most: list[int] = []

    async def one() -> None:
        running.append(1)
        most.append(len(running))
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        running.pop()

    async def main() -> None:
        await together(*[one] * 5, at_once=2)

    anyio.run(main)
    assert max(most) == 2
