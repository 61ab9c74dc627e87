"""Options for rate, users and shape become one model, or a refusal of one line."""

from typing import Any

import pytest

from door.arriving import arrival_of
from door.errors import Refusal
from door.options import Arrivals, LoadOptions
from loadtest.workload import ClosedModel, OpenModel


def test_without_options_eight_users_call_for_five_seconds() -> None:
    arrival = arrival_of(LoadOptions())
    assert (arrival.model, arrival.duration, arrival.warm_up) == (ClosedModel(users=8), 5.0, 0.5)


def test_a_rate_may_be_that_of_a_poisson_process() -> None:
    arrival = arrival_of(LoadOptions(rate=50, arrivals=Arrivals.poisson, duration=9, warm_up=2))
    assert (arrival.model, arrival.duration, arrival.warm_up) == (OpenModel(rate=50, arrivals="poisson"), 9, 2)


def test_users_may_think() -> None:
    assert arrival_of(LoadOptions(users=3, think=0.5)).model == ClosedModel(users=3, think=0.5)


def test_a_shape_is_of_the_rate_and_lasts_as_long_as_it_says() -> None:
    arrival = arrival_of(LoadOptions(shape="ramp 10..200 over 30s"))
    assert isinstance(arrival.model, OpenModel)
    assert (arrival.model.rate, arrival.duration) == (200, 30)


def test_a_shape_is_of_users_with_the_word_before_it() -> None:
    arrival = arrival_of(LoadOptions(shape="users steps 1,20 each 2s", think=0.1, duration=7))
    assert isinstance(arrival.model, ClosedModel)
    assert (arrival.model.users, arrival.model.think, arrival.duration) == (20, 0.1, 7)


def test_a_search_for_capacity_has_a_minute() -> None:
    arrival = arrival_of(LoadOptions(find_capacity=True))
    assert (arrival.search, arrival.duration, type(arrival.model)) == (True, 60, OpenModel)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 5, "users": 5}, "are two models; take one"),
        ({"rate": 5, "shape": "hold 5 for 1s"}, "--rate and --shape each say how much load there is; take one"),
        ({"users": 5, "find_capacity": True}, "--users and --find-capacity each say"),
        ({"users": 5, "arrivals": Arrivals.poisson}, "--arrivals is for calls that wait for nobody"),
        ({"rate": 5, "think": 1.0}, "--think is for users"),
        ({"shape": "wave"}, "the shape 'wave' cannot be read: write a shape as 'ramp 10..200 over 30s'"),
        ({"shape": "users hold 0.4 for 1s"}, "there is never a whole user"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refusal:
        arrival_of(LoadOptions(**options))
    assert "\n" not in str(refusal.value)
