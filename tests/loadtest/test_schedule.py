"""Intended starts: exact, repeatable, and as frequent as asked for."""

from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.part import Part
from loadtest.schedule import choices, intended_starts
from loadtest.stages import parse_shape
from loadtest.workload import OpenModel, Operation

rates = st.floats(min_value=0.5, max_value=500)
models = st.builds(OpenModel, rate=rates, arrivals=st.sampled_from(["constant", "poisson"]))


@settings(derandomize=True, deadline=None)
@given(models, st.floats(min_value=0, max_value=5), st.integers())
def test_starts_ascend_within_the_duration_and_repeat_with_the_seed(
    model: OpenModel, duration: float, seed: int
) -> None:
    starts = list(intended_starts(model, duration, seed))
    assert starts == list(intended_starts(model, duration, seed))
    assert all(0 <= start < duration for start in starts)
    assert all(earlier < later for earlier, later in pairwise(starts))


def test_constant_arrivals_do_not_drift() -> None:
    starts = list(intended_starts(OpenModel(rate=3), 1000, seed=0))
    assert len(starts) == 3000
    assert starts[2999] == pytest.approx(2999 / 3, rel=1e-12)


def test_poisson_arrivals_have_the_rate_and_the_spread_of_their_law() -> None:
    starts = list(intended_starts(OpenModel(rate=100, arrivals="poisson"), 200, seed=7))
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(0.01, rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.05)


def shaped(text: str, duration: float | None = None, warm_up: float = 0.0, arrivals: str = "constant") -> list[float]:
    shape = parse_shape(text)
    model = OpenModel(rate=shape.peak, arrivals=arrivals, shape=shape)  # type: ignore[arg-type] # one of its words
    return list(intended_starts(model, warm_up + (duration or shape.seconds), 3, warm_up))


def test_a_ramp_has_as_many_arrivals_as_its_mean_rate_and_they_grow_denser() -> None:
    starts = shaped("ramp 0..200 over 30s")
    assert len(starts) == 3000
    # By the moment t of a ramp from nothing, t squared of them have come.
    assert [round(start, 9) for start in starts[::1000]] == [
        0.0,
        round(30 * (1 / 3) ** 0.5, 9),
        round(30 * (2 / 3) ** 0.5, 9),
    ]


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_each_second_of_steps_and_of_spikes_has_its_rate(arrivals: str) -> None:
    starts = shaped("steps 50,200 each 10s then spike 50 to 500 for 5s after 10s", arrivals=arrivals)
    counted = Counter(int(start // 5) for start in starts)
    expected = [250, 250, 1000, 1000, 250, 250, 2500, 250, 250]
    tolerated = 0 if arrivals == "constant" else 0.2
    assert [counted[five] for five in range(9)] == pytest.approx(expected, rel=tolerated)


def test_a_shape_begins_after_the_warm_up_and_keeps_its_last_level() -> None:
    starts = shaped("ramp 10..30 over 2s", duration=3.0, warm_up=2.0)
    assert [sum(second <= start < second + 1 for start in starts) for second in range(5)] == [10, 10, 15, 25, 30]
    assert shaped("ramp 10..0 over 2s", duration=9.0)[-1] < 2


def test_workers_share_a_schedule_without_a_gap_and_nothing_twice() -> None:
    starts = shaped("ramp 10..30 over 2s")
    parts = [list(Part(worker=worker, workers=3).arrivals(iter(starts))) for worker in range(3)]
    assert sorted(start for part in parts for start in part) == starts
    assert {len(part) for part in parts} <= {13, 14}


def test_operations_are_chosen_by_weight_and_seed() -> None:
    operations = (Operation(name="a", method="m", weight=3), Operation(name="b", method="m"))
    drawn = list(islice(choices(operations, seed=1), 8000))
    assert drawn == list(islice(choices(operations, seed=1), 8000))
    assert Counter(drawn)[0] / 8000 == pytest.approx(0.75, abs=0.02)


def test_a_single_operation_is_always_chosen() -> None:
    assert list(islice(choices((Operation(name="a", method="m"),), seed=1), 3)) == [0, 0, 0]
