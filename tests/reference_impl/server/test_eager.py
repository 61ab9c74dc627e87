"""Coroutines that begin at once: they see what they would see in a task of their own."""

import asyncio
import contextvars

import pytest

from reference_impl.server.eager import EagerTasks

pytestmark = pytest.mark.anyio
WHO = contextvars.ContextVar("who", default="nobody")


class Starter:
    """Starts jobs where a protocol does: in a callback of the loop, and no task is running."""

    def __init__(self):
        self.tasks = EagerTasks(asyncio.get_running_loop())

    async def start(self, job):
        """Return the task that the job goes on in, or None."""
        loop = asyncio.get_running_loop()
        started = loop.create_future()
        loop.call_soon(lambda: started.set_result(self.tasks.start(job, contextvars.copy_context())))
        return await started


@pytest.fixture
async def starter():
    starter = Starter()
    await (await starter.start(asyncio.sleep(0)))  # the first one has a task of its own
    yield starter
    starter.tasks.close()
    await asyncio.sleep(0)
    assert not any(task.get_coro().__name__ == "_carry" for task in asyncio.all_tasks())


async def test_what_never_waits_needs_no_task_of_its_own(starter):
    seen = []

    async def job():
        seen.append(asyncio.current_task())

    assert await starter.start(job()) is None
    assert await starter.start(job()) is None
    assert seen[0] is seen[1] is not None


async def test_what_waits_goes_on_in_the_task_that_it_began_in(starter):
    seen, gate = [], asyncio.Event()

    async def job():
        seen.append(asyncio.current_task())
        async with asyncio.timeout(10):
            await gate.wait()
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    first, second = await starter.start(job()), await starter.start(job())
    assert first is not second
    gate.set()
    await first
    await second
    assert seen[0] is first is seen[2]
    assert {*seen} == {first, second}


async def test_a_time_limit_that_was_set_before_the_first_wait_holds(starter):
    ended = []

    async def job():
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append("late")

    await (await starter.start(job()))
    assert ended == ["late"]


@pytest.mark.parametrize("when", ["before it waits", "before the task goes on", "while it waits"])
async def test_cancellation_reaches_what_is_waited_for(starter, when):
    awaited, told = asyncio.get_running_loop().create_future(), []

    async def job():
        if when == "before it waits":
            asyncio.current_task().cancel()
        if when == "before the task goes on":
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
        try:
            await awaited
        except asyncio.CancelledError:
            told.append(asyncio.current_task())
            raise

    task = await starter.start(job())
    if when == "while it waits":
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert told == [task]
    assert awaited.cancelled()


async def test_a_cancellation_between_two_steps_is_not_lost(starter):
    async def job():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    task = await starter.start(job())
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_job_that_cancels_itself_and_ends_spoils_nothing_for_the_next(starter):
    async def job():
        asyncio.current_task().cancel()

    gate = asyncio.Event()
    assert await starter.start(job()) is None
    task = await starter.start(gate.wait())
    gate.set()
    assert await asyncio.wait([task]) == ({task}, set())
    assert not task.cancelled()


async def test_context_variables_are_each_jobs_own(starter):
    seen = []

    async def job(name, pause):
        seen.append(WHO.get())
        WHO.set(name)
        if pause:
            await asyncio.sleep(0)
            seen.append(WHO.get())

    await starter.start(job("a", pause=False))
    await (await starter.start(job("b", pause=True)))
    await starter.start(job("c", pause=False))
    assert seen == ["nobody", "nobody", "b", "nobody"]


async def test_within_another_task_a_job_gets_one_of_its_own(starter):
    tasks = []

    async def job():
        tasks.append(asyncio.current_task())

    task = starter.tasks.start(job(), contextvars.copy_context())
    await task
    assert tasks == [task]


async def test_an_error_is_told_to_whoever_waits_for_the_task(starter):
    async def job():
        await asyncio.sleep(0)
        raise ValueError("broken")

    task = await starter.start(job())
    with pytest.raises(ValueError, match="broken"):
        await task
