"""Work beside readers: what it raises comes out as it is, and no reader outlives it."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.readers import beside_readers


async def _endless() -> None:
    await anyio.sleep_forever()


def test_the_value_comes_back_and_readers_end_with_the_work() -> None:
    async def work(readers: Any) -> str:
        readers.start_soon(_endless)
        return "done"

    assert anyio.run(beside_readers, work) == "done"


@pytest.mark.parametrize("error", [ValueError("a"), KeyboardInterrupt()])
def test_an_error_of_the_work_is_not_wrapped(error: BaseException) -> None:
    async def work(readers: Any) -> None:
        readers.start_soon(_endless)
        raise error

    async def main() -> None:
        with pytest.raises(type(error)):
            await beside_readers(work)

    anyio.run(main)


def test_an_error_of_a_reader_ends_the_work_and_is_not_wrapped_either() -> None:
    async def stumbles() -> None:
        raise ValueError("a reader")

    async def work(readers: Any) -> None:
        readers.start_soon(stumbles)
        await anyio.sleep_forever()

    with pytest.raises(ValueError, match="a reader"):
        anyio.run(beside_readers, work)


def test_groups_within_groups_come_down_to_what_happened_first() -> None:
    async def work(readers: Any) -> None:
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [KeyError("first"), ValueError("second")])])

    with pytest.raises(KeyError, match="first"):
        anyio.run(beside_readers, work)
