"""Stages of a closed model."""

import pytest

from loadtest.stages import Stage, ramp, users_at


def test_each_stage_has_its_users_until_all_are_over() -> None:
    stages = (Stage(users=2, seconds=1.0), Stage(users=5, seconds=2.0))
    assert [users_at(stages, at) for at in (0.0, 0.99, 1.0, 2.99, 3.0)] == [2, 2, 5, 5, None]


@pytest.mark.parametrize(("first", "last", "users"), [(1, 7, [1, 4, 7]), (10, 0, [10, 5, 0])])
def test_a_ramp_leads_from_the_first_to_the_last(first: int, last: int, users: list[int]) -> None:
    stages = ramp(first, last, steps=3, seconds=6.0)
    assert [stage.users for stage in stages] == users
    assert sum(stage.seconds for stage in stages) == 6.0


def test_a_ramp_of_one_step_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two steps"):
        ramp(1, 2, steps=1, seconds=1.0)
