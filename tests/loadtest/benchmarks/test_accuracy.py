"""Corrected latencies are those of the arithmetic, and a closed loop's are not. On virtual time: nothing here waits."""

import pytest

from loadtest.benchmarks.accuracy import LAWS, PERCENTS, RATE, USERS, Law, quantile, truth, within
from loadtest.benchmarks.servers.delayed import Delays
from loadtest.pace import ClosedPace, OpenPace
from loadtest.recorder import Recorder
from loadtest.sample import Sample
from loadtest.schedule import intended_starts
from loadtest.totals import histogram
from loadtest.workload import OpenModel
from tests.loadtest.simulation import Simulation, served

SECONDS = 20.0


def measured(samples: list[Sample]) -> dict[str, list[float]]:
    """Return the percentiles that a recorder tells of samples, corrected and uncorrected, in seconds."""
    recorder = Recorder()
    for sample in samples:
        recorder.record(sample)
    state = recorder.state().operations["call"]
    return {
        name: [histogram(encoded).get_value_at_percentile(percent) / 1e6 for percent in PERCENTS]
        for name, encoded in (("corrected", state.corrected), ("uncorrected", state.uncorrected))
    }


def true_percentiles(law: Law, model: OpenModel) -> list[float]:
    waits = truth(law, model, SECONDS)
    return [quantile(waits, percent) for percent in PERCENTS]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("phase", [0.0, 3.3, 9.5])
def test_an_open_model_tells_what_arrivals_wait_wherever_the_first_one_falls(law: Law, phase: float) -> None:
    simulation, model = Simulation(), OpenModel(rate=RATE, users=USERS)
    pace = OpenPace(intended_starts(model, SECONDS, 0), USERS, 10.0, simulation.clock)
    delays = Delays(law.name)
    samples = served(pace, simulation, USERS, lambda now: delays.of(now + phase))
    assert len(samples) == RATE * SECONDS
    told, true = measured(samples)["corrected"], true_percentiles(law, model)
    assert [within(*pair) for pair in zip(told, true, strict=True)] == [True] * 3, (told, true)


def test_a_closed_loop_and_uncorrected_latencies_miss_stalls_by_orders_of_magnitude() -> None:
    (law,) = (law for law in LAWS if law.name == "stalls")
    model = OpenModel(rate=RATE, users=USERS)
    _, slow, slowest = true_percentiles(law, model)
    simulation = Simulation()
    closed = measured(served(ClosedPace(SECONDS, 2, 0.0, clock=simulation.clock), simulation, 2, Delays(law.name).of))
    assert slow / closed["corrected"][1] > 100
    assert slowest / closed["corrected"][2] > 100
    simulation = Simulation()
    pace = OpenPace(intended_starts(model, SECONDS, 0), USERS, 10.0, simulation.clock)
    assert slow / measured(served(pace, simulation, USERS, Delays(law.name).of))["uncorrected"][1] > 100


def test_what_is_slow_without_anybody_waiting_for_it_is_told_alike_by_all() -> None:
    simulation = Simulation()
    samples = served(ClosedPace(SECONDS, 8, 0.0, clock=simulation.clock), simulation, 8, Delays("constant").of)
    assert [round(value, 3) for value in measured(samples)["corrected"]] == [0.02] * 3
