"""One timer for all calls of a connection."""

import asyncio
import math

import anyio
import pytest

from reference_impl.client.deadlines import Deadline, Deadlines, unhurried

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def waiting(deadlines: Deadlines, key: object, seconds: float) -> str:
    deadline = Deadline(deadlines.now() + seconds)
    deadlines.watch(key, deadline)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "late" if deadline.caused() else "cancelled"
    finally:
        deadlines.forget(key)
    return "never"


async def test_each_task_is_cancelled_at_its_own_time_and_is_free_again():
    deadlines = Deadlines()
    order = []

    async def one(key: int, seconds: float) -> None:
        assert await waiting(deadlines, key, seconds) == "late"
        order.append(key)
        await asyncio.sleep(0)  # a task that were still to be cancelled would be so here

    async with asyncio.TaskGroup() as tasks:
        for key, seconds in enumerate((0.03, 0.01, 0.02)):
            tasks.create_task(one(key, seconds))
    assert order == [1, 2, 0]


async def test_a_cancellation_by_others_is_no_deadline():
    deadlines = Deadlines()
    task = asyncio.create_task(waiting(deadlines, 1, 60))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "cancelled"
    deadlines.close()


async def test_both_at_once_is_a_cancellation():
    deadlines = Deadlines()
    task = asyncio.create_task(waiting(deadlines, 1, 60))
    await asyncio.sleep(0)
    (deadline,) = deadlines.of(task)
    deadline.expire()
    task.cancel()
    assert await task == "cancelled"
    deadlines.close()


async def test_a_deadline_that_was_moved_is_kept_at_its_new_time():
    deadlines = Deadlines()
    begun = deadlines.now()
    task = asyncio.create_task(waiting(deadlines, 1, 0.01))
    await asyncio.sleep(0)
    deadlines.of(task)[0].when = begun + 0.05
    assert await task == "late"
    assert deadlines.now() >= begun + 0.05


async def test_clocks_stop_while_a_user_is_asked():
    deadlines = Deadlines()

    async def asks() -> tuple[float, float]:
        deadline = Deadline(deadlines.now() + 60)
        deadlines.watch(1, deadline)
        with unhurried():
            within = deadline.when
        deadlines.forget(1)
        return within, deadline.when - deadlines.now()

    within, left = await asks()
    assert within == math.inf
    assert 59 < left <= 60
    deadlines.close()


async def test_the_limit_that_no_progress_moves_a_deadline_beyond_stands_still_as_well():
    deadlines = Deadlines()
    deadline = Deadline(deadlines.now() + 60, latest=deadlines.now() + 90)
    deadlines.watch(1, deadline)
    with unhurried():
        await asyncio.sleep(0.01)
    deadlines.forget(1)
    assert deadline.latest - deadline.when == pytest.approx(30)
    deadlines.close()


async def test_a_question_of_the_server_stops_the_clocks_of_all_its_calls():
    mine, other = Deadlines(), Deadlines()
    seen = []

    async def ask() -> None:
        with mine.asked(), unhurried(), unhurried():
            seen.extend(deadline.when for kept in (mine, other) for deadline in kept.all())

    for kept in (mine, other):
        kept.watch("call", Deadline(kept.now() + 50))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
    assert [when == math.inf for when in seen] == [True, False]
    assert mine.all()[0].when - mine.now() == pytest.approx(50, abs=5)
    for kept in (mine, other):
        kept.forget("call")
        kept.close()
