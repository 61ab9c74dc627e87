"""Two ends of a channel in one process."""

import anyio
import anyio.lowlevel
import pytest

from reference_impl.transports.channel import HIGH_WATER
from reference_impl.transports.memory import memory_pair

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_what_one_end_sends_the_other_receives():
    left, right = memory_pair()
    await left.send(b"one")
    await left.send(b"two")
    assert await right.receive() == b"onetwo"
    await right.send(b"back")
    assert await left.receive() == b"back"


async def test_closing_one_direction_leaves_the_other_open():
    left, right = memory_pair()
    await left.send(b"last")
    left.close_sending()
    assert await right.receive() == b"last"
    with pytest.raises(anyio.EndOfStream):
        await right.receive()
    await right.send(b"answer")
    assert await left.receive() == b"answer"
    with pytest.raises(anyio.ClosedResourceError):
        await left.send(b"x")


async def test_sending_to_an_end_that_has_gone_is_refused():
    left, right = memory_pair()
    await right.aclose()
    with pytest.raises(anyio.BrokenResourceError):
        await left.send(b"x")
    with pytest.raises(anyio.EndOfStream):
        await left.receive()


async def test_a_sender_waits_until_the_reader_has_caught_up_and_who_gives_up_has_sent_all_the_same():
    left, right = memory_pair()
    await left.send(b"x" * HIGH_WATER)
    with anyio.move_on_after(0.02) as scope:
        await left.send(b"y")
    assert scope.cancelled_caught
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(left.send, b"z")
        await anyio.lowlevel.checkpoint()
        assert (await right.receive())[HIGH_WATER:] == b"yz"


async def test_a_waiting_sender_is_told_when_the_reader_leaves():
    left, right = memory_pair()
    await left.send(b"x" * HIGH_WATER)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(right.aclose)
        with pytest.raises(anyio.BrokenResourceError):
            await left.send(b"y")
