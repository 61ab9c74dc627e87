"""Alternation, medians, ratios, and what makes a figure none."""

import io
import json

import pytest
from rich.console import Console

from loadtest.benchmarks.__main__ import _exit
from loadtest.benchmarks.machine import Usage
from loadtest.benchmarks.rounds import Benchmark, Case, Goal, Limit, Measured, Sample, measure
from loadtest.benchmarks.tables import as_json, show


def measured(ours, theirs, goal=2.0, **more):
    cases = tuple(Case(name, lambda: Sample(0)) for name in ("ours", "theirs"))
    benchmark = Benchmark("title", "calls/s", cases, (Goal("ours", "theirs", goal),), **more)
    return Measured(benchmark, {"ours": ours, "theirs": theirs})


def test_cases_are_measured_in_alternation():
    order = []

    def case(name):
        def sample():
            order.append(name)
            return Sample(1.0)

        return Case(name, sample)

    told = []
    result = measure(Benchmark("title", "calls/s", (case("a"), case("b"))), 3, told.append)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert len(told) == 6
    assert result.values("a") == [1.0, 1.0, 1.0]


def test_a_ratio_is_the_median_of_the_ratios_of_each_round():
    ours, theirs = [Sample(10), Sample(90), Sample(40)], [Sample(5), Sample(10), Sample(10)]
    (ratio,) = measured(ours, theirs).ratios
    assert ratio.ratio == 4.0  # of 2, 9 and 4
    assert ratio.by_cost is None
    assert ratio.met
    assert not measured(ours, theirs, goal=5).met


def test_less_is_better_for_time_and_processor_time():
    ours, theirs = [Sample(10, cost=2.0)], [Sample(30, cost=3.0)]
    (ratio,) = measured(ours, theirs, less_is_better=True).ratios
    assert (ratio.ratio, ratio.by_cost) == (3.0, 1.5)


def test_a_limit_holds_for_the_median():
    ours = [Sample(4), Sample(9), Sample(5)]
    assert measured(ours, ours, goal=1, limits=(Limit("ours", 5),)).met
    assert not measured(ours, ours, goal=1, limits=(Limit("ours", 4.9),)).met


def test_a_busy_machine_gives_no_results():
    quiet, busy = [Sample(9, others=0.02)], [Sample(1, others=0.5)]
    assert not measured(quiet, quiet, goal=1).busy
    assert measured(quiet, busy).busy
    assert not measured([Sample(9)], [Sample(1)]).busy
    assert _exit([measured(quiet, busy)]) == 3
    assert _exit([measured(quiet, quiet)]) == 1
    assert _exit([measured(quiet, quiet, goal=1)]) == 0


def test_calls_become_calls_a_second_and_their_cost():
    sample = Sample.of_calls(1000, Usage(seconds=2.0, processor=0.5, others=0.1))
    assert (sample.value, sample.cost, sample.others) == (500.0, 500.0, 0.1)
    assert Sample.of_calls(0, Usage(2.0, 0.5, None)).cost is None


def test_figures_are_shown_with_ranges_goals_and_reservations():
    console = Console(record=True, width=120, file=io.StringIO())
    one = measured([Sample(10, 2.0, 0.5)], [Sample(3, 9.0, 0.0)], limits=(Limit("ours", 9),))
    show(console, one)
    text = console.export_text()
    for expected in ("3.33 times", "by processor time 4.50", "goal 2: reached", "at most 9 calls/s: MISSED", "busy"):
        assert expected in text
    assert json.loads(json.dumps(as_json(one)))["ratios"][0]["ratio"] == pytest.approx(10 / 3)
