"""Stages of a closed model."""

import pytest

from loadtest.stages import Stage, parse_shape, ramp, users_at


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


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("ramp 10..200 over 30s", [(10, 200, 30)]),
        ("Ramp 0.5 to 2  over 500ms", [(0.5, 2, 0.5)]),
        ("steps 50,100, 200 each 10s", [(50, 50, 10), (100, 100, 10), (200, 200, 10)]),
        ("step 5 each 1m", [(5, 5, 60)]),
        ("spike 50 to 500 for 5s after 10s", [(50, 50, 10), (500, 500, 5), (50, 50, 10)]),
        ("hold 5 for 2s then ramp 5..0 over 1s", [(5, 5, 2), (5, 0, 1)]),
    ],
)
def test_a_shape_is_read_as_stretches(text: str, levels: list[tuple[float, float, float]]) -> None:
    shape = parse_shape(text)
    assert [(each.first, each.last, each.seconds) for each in shape.stretches] == levels
    assert shape.peak == max(max(first, last) for first, last, _ in levels)
    assert shape.seconds == sum(seconds for *_, seconds in levels)


@pytest.mark.parametrize(
    "text", ["", "ramp", "ramp 10..20", "hold 5", "steps 5,,6 each 1s", "wave 5 for 2s", "ramp -1..2 over 1s"]
)
def test_what_is_no_shape_is_refused_in_a_line_that_teaches(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read: write a shape as 'ramp") as error:
        parse_shape(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["ramp 0..0 over 3s", "hold 5 for 0s"])
def test_a_shape_without_load_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has no load"):
        parse_shape(text)


def test_a_level_is_what_it_is_at_a_moment_and_stays_the_last_after_the_end() -> None:
    shape = parse_shape("ramp 0..10 over 10s then hold 4 for 5s")
    assert [shape.level_at(at) for at in (-1, 0, 2.5, 10, 14, 99)] == [0, 0, 2.5, 4, 4, 4]


def test_the_moment_is_known_at_which_a_level_is_reached_again() -> None:
    shape = parse_shape("ramp 0..10 over 10s then ramp 10..0 over 10s")
    assert [shape.reached(5, at) for at in (0, 4, 7, 15, 15.5)] == [5, 5, 7, 15, None]
    assert [parse_shape("hold 1 for 2s then hold 3 for 2s").reached(2, at) for at in (0, 3, 9)] == [2, 3, 9]
