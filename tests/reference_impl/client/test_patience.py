"""Clocks that stop while a user is asked."""

import math
from contextlib import ExitStack

import anyio
import pytest

from reference_impl.client.patience import hurried, unhurried

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_clock_stands_still_meanwhile_and_goes_on_with_what_was_left():
    scope = anyio.CancelScope(deadline=anyio.current_time() + 50)
    with hurried(scope):
        with unhurried():
            assert scope.deadline == math.inf
        assert scope.deadline - anyio.current_time() == pytest.approx(50, abs=5)


async def test_a_task_that_was_started_inside_stops_the_clock_and_others_do_not():
    scope = anyio.CancelScope(deadline=anyio.current_time() + 50)
    seen = []

    async def ask() -> None:
        with unhurried():
            seen.append(scope.deadline == math.inf)

    async with anyio.create_task_group() as tasks:
        with hurried(scope):
            tasks.start_soon(ask)
        tasks.start_soon(ask)
    assert seen == [True, False]


async def test_a_clock_stands_still_until_the_last_of_several_questions_is_answered():
    scope = anyio.CancelScope(deadline=anyio.current_time() + 50)
    with hurried(scope), ExitStack() as first, ExitStack() as second:
        first.enter_context(unhurried())
        second.enter_context(unhurried())
        first.close()
        assert scope.deadline == math.inf
        second.close()
        assert scope.deadline - anyio.current_time() == pytest.approx(50, abs=5)


async def test_an_error_lets_the_clock_go_on():
    scope = anyio.CancelScope(deadline=anyio.current_time() + 50)
    with hurried(scope), pytest.raises(ValueError, match="no"), unhurried():
        raise ValueError("no")
    assert scope.deadline < math.inf
