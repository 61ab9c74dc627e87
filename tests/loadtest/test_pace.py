"""When users send: on a schedule, or by their seat in a shape. All of it on a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable

from loadtest.pace import ClosedPace, OpenPace, Seating
from loadtest.sample import Sample
from loadtest.schedule import intended_starts
from loadtest.stages import parse_shape
from loadtest.workload import OpenModel
from tests.loadtest.simulation import Simulation, served


def arrivals(
    model: OpenModel, seconds: float, service: Callable[[float], float], timeout: float = 10.0
) -> tuple[OpenPace, list[Sample]]:
    simulation = Simulation()
    pace = OpenPace(intended_starts(model, seconds, 1), model.users, timeout, simulation.clock)
    return pace, served(pace, simulation, model.users, service)


def test_every_arrival_is_sent_when_it_is_due_while_users_are_idle() -> None:
    pace, samples = arrivals(OpenModel(rate=100, users=4), 2.0, lambda _: 0.02)
    assert (
        [sample.sent for sample in samples] == [sample.intended for sample in samples] == [n / 100 for n in range(200)]
    )
    assert pace.late == 0


def test_arrivals_that_find_all_users_busy_are_late_and_their_wait_counts() -> None:
    pace, samples = arrivals(OpenModel(rate=100, users=1), 1.0, lambda _: 0.02)
    assert pace.late == 99
    assert round(samples[-1].corrected, 6) == round(100 * 0.02 - 0.99, 6)
    assert {round(sample.uncorrected, 6) for sample in samples} == {0.02}


def test_who_has_only_just_come_in_was_not_busy() -> None:
    simulation = Simulation()
    pace = OpenPace(iter([-0.001, 0.0, 0.001]), 2, 10.0, simulation.clock)  # due when the gate opened, or before
    assert len(served(pace, simulation, 2, lambda _: 0.02)) == 3
    assert pace.late == 1  # the third, which found both at work


def test_arrivals_later_than_the_timeout_are_given_up_unsent() -> None:
    _, samples = arrivals(OpenModel(rate=100, users=1), 1.0, lambda _: 0.5, timeout=0.5)
    assert len(samples) == 100
    sent = [sample for sample in samples if sample.failure is None]
    assert max(sample.sent - sample.intended for sample in sent) <= 0.5
    assert sum(sample.failure is not None for sample in samples) > 40


def test_users_of_a_closed_model_rest_while_the_shape_has_no_seat_for_them() -> None:
    simulation = Simulation()
    shape = parse_shape("hold 1 for 2s then hold 3 for 2s then hold 2 for 2s")
    pace = ClosedPace(7.0, 3, 0.0, Seating(shape, 1.0), simulation.clock)
    samples = served(pace, simulation, 3, lambda _: 0.1)
    begun = [sum(second <= sample.sent < second + 1 for sample in samples) for second in range(7)]
    assert [round(number / 10) for number in begun] == [1, 1, 1, 3, 3, 2, 2]


def test_processes_that_share_users_share_the_seats() -> None:
    begun = []
    for worker in range(2):
        simulation = Simulation()
        seating = Seating(parse_shape("hold 1 for 2s then hold 3 for 2s"), 0.0, worker, 2)
        pace = ClosedPace(4.0, 2, 0.0, seating, simulation.clock)
        samples = served(pace, simulation, 2, lambda _: 0.1)
        begun.append([round(sum(at <= sample.sent < at + 2 for sample in samples) / 20) for at in (0, 2)])
    assert begun == [[1, 2], [0, 1]]
