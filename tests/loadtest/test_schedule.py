"""Intended starts: exact, repeatable, and as frequent as asked for."""

from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.schedule import choices, intended_starts
from loadtest.workload import OpenModel, Operation

rates = st.floats(min_value=0.5, max_value=500)
models = st.builds(OpenModel, rate=rates, arrivals=st.sampled_from(["constant", "poisson"]))


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


def test_operations_are_chosen_by_weight_and_seed() -> None:
    operations = (Operation(name="a", method="m", weight=3), Operation(name="b", method="m"))
    drawn = list(islice(choices(operations, seed=1), 8000))
    assert drawn == list(islice(choices(operations, seed=1), 8000))
    assert Counter(drawn)[0] / 8000 == pytest.approx(0.75, abs=0.02)


def test_a_single_operation_is_always_chosen() -> None:
    assert list(islice(choices((Operation(name="a", method="m"),), seed=1), 3)) == [0, 0, 0]
