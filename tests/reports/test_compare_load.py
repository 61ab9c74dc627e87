"""Two loads held against each other: differences are found, chance is none, unlike things are not compared."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.compare_load import compare_loads
from reports.comparison import LoadDifference, Measure
from reports.records import GeneratorHealth, Load, ObjectiveResult
from tests.reports.loads import drawn, load_of

STEADY = settings(derandomize=True, deadline=None, max_examples=10)
SEEDS = st.integers(0, 2**32)


def compared(before: Load, after: Load, **options: Any) -> LoadDifference:
    (found,) = compare_loads([before], [after], **options)
    return found


def measured(before: Load, after: Load) -> dict[str, Measure]:
    return {each.name: each for each in compared(before, after).measures}


def test_without_a_difference_nothing_is_told_in_more_than_95_of_100_comparisons() -> None:
    told, count = [], 60
    for seed in range(count):
        chance = random.Random(seed)
        seconds, wander = chance.choice([5, 8, 15, 30]), chance.choice([0.0, 0.1, 0.25])
        sides = [load_of(drawn(chance, seconds, 40, 10.0, 0.4, wander)) for _ in "AB"]
        told += [each.verdict for each in compared(*sides, margin=0).measures]
    assert len(told) == 4 * count
    assert told.count("cannot be told") >= 0.95 * len(told)


@STEADY
@given(SEEDS, st.sampled_from(["p50", "p99"]))
def test_a_latency_that_is_a_fifth_higher_is_found_with_enough_samples(seed: int, name: str) -> None:
    chance = random.Random(seed)
    before, after = (load_of(drawn(chance, 30, 150, median, 0.3, 0.02)) for median in (10.0, 12.0))
    found, back = measured(before, after)[name], measured(after, before)[name]
    assert (found.verdict, back.verdict) == ("worse", "better")
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.2 < found.high


@STEADY
@given(SEEDS)
def test_a_throughput_that_is_a_fifth_lower_is_found(seed: int) -> None:
    chance = random.Random(seed)

    def seconds(rate: int) -> list[list[float]]:
        return [[5.0] * max(1, round(chance.gauss(rate, rate / 20))) for _ in range(20)]

    found = measured(load_of(seconds(100)), load_of(seconds(80)))["throughput"]
    assert found.verdict == "worse"
    assert found.change == pytest.approx(-0.2, abs=0.05)


def test_errors_that_came_are_worse_and_a_single_one_is_no_news() -> None:
    calls = [[5.0] * 100 for _ in range(20)]
    good, bad = load_of(calls), load_of(calls, failed=[5] * 20)
    assert measured(good, bad)["errors"].verdict == "worse"
    assert measured(bad, good)["errors"].verdict == "better"
    assert measured(good, load_of(calls, failed=[1] + [0] * 19))["errors"].verdict == "cannot be told"


def test_what_a_call_costs_the_target_is_told_where_both_were_watched() -> None:
    calls, chance = [[5.0] * 100 for _ in range(20)], random.Random(1)
    cheap, dear = (load_of(calls, cpu=[chance.gauss(percent, 2) for _ in range(20)]) for percent in (30, 45))
    found = measured(cheap, dear)["cost a call"]
    assert (found.verdict, found.unit) == ("worse", "ms")
    assert found.before == pytest.approx(3.0, rel=0.05)
    assert "cost a call" not in measured(cheap, load_of(calls))


def test_one_slow_second_is_no_slower_program() -> None:
    chance = random.Random(3)
    usual, once = drawn(chance, 20, 100, 10.0, 0.1), drawn(chance, 20, 100, 10.0, 0.1)
    once[7] = [one * 50 for one in once[7]]
    assert {each.verdict for each in measured(load_of(usual), load_of(once)).values()} == {"cannot be told"}


def test_few_answers_tell_no_high_percentile_and_few_seconds_nothing() -> None:
    few = load_of([[5.0] * 10] * 10)
    assert measured(few, few)["p99"].reason == "it takes 1,000 answers"
    short = compared(*[load_of([[5.0] * 100] * 2)] * 2)
    assert not short.measures
    assert "a run of less than 4 s" in short.refused[0]


def test_the_same_seed_comes_to_the_same_intervals() -> None:
    sides = [load_of(drawn(random.Random(seed), 10, 100, 10.0, 0.5)) for seed in (1, 2)]
    assert compared(*sides, seed=5) == compared(*sides, seed=5)
    assert compared(*sides, seed=5) != compared(*sides, seed=6)


LIMITED = GeneratorHealth(lag_p99_ms=90, cpu_percent=99, limited=True, reasons=("it had no time left",))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "closed", "rate": None, "users": 8}, "A is of the open model, B of the closed one"),
        ({"rate": 200.0}, "A asked for 100 a second, constant, B for 200 a second, constant"),
        ({"arrivals": "poisson"}, "A asked for 100 a second, constant, B for 100 a second, poisson"),
        ({"revision": "2026-07-28"}, "A spoke 2025-11-25, B 2026-07-28"),
        ({"valid": False, "generator": LIMITED}, "B is no result: it had no time left"),
    ],
)
def test_what_is_not_alike_is_not_compared(changes: dict[str, Any], reason: str) -> None:
    calls = [[5.0] * 10 for _ in range(5)]
    found = compared(load_of(calls), load_of(calls, **changes))
    assert found.refused == (reason,)
    assert not found.measures
    assert not found.worse


def test_other_scenarios_and_other_machines_are_not_compared() -> None:
    one, other = load_of([[5.0] * 10] * 5), load_of([[5.0] * 10] * 5, scenario="churn")
    assert [each.refused for each in compare_loads([one], [other])] == [("only A has it",), ("only B has it",)]
    assert compared(one, one, apart=("another machine",)).refused == ("another machine",)


def test_how_conversations_were_opened_is_not_compared() -> None:
    whole = load_of([[5.0] * 10] * 5)
    for measured in (whole, load_of([[5.0] * 10] * 5, series=())):
        opening = load_of([], operation="(opening)", series=(), counts=whole.counts)
        found = compare_loads([measured, opening], [measured, opening])
        assert [each.operation for each in found] == [whole.operation]


def test_an_objective_that_is_missed_now_is_worse_whatever_the_intervals_say() -> None:
    def judged(*, met: bool) -> Load:
        return load_of([[5.0] * 10] * 5, objectives=(ObjectiveResult(text="p99<9ms", limit=9, unit="ms", met=met),))

    assert compared(judged(met=True), judged(met=False)).worse
    assert not compared(judged(met=False), judged(met=True)).worse
