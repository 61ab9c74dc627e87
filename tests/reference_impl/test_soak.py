"""The compressed soak, shortened: what visitors leave behind, and how growth is told from noise."""

from __future__ import annotations

import math

import pytest

from loadtest.benchmarks.soak import Rest, Soak, growth, soak_client, soak_line_server, soak_server

MIB = 2**20


def soak(residents, objects=None, counts=None):
    rests = tuple(
        Rest({} if counts is None else {"tasks": counts[n]}, 0 if objects is None else objects[n], resident)
        for n, resident in enumerate(residents)
    )
    return Soak("x", 1000, rests)


def test_a_server_keeps_nothing_of_visitors_who_leave_badly():
    found = soak_server(2, 240)
    assert found.left_over == {}
    assert found.judged[-1].counts["tasks"] == found.judged[0].counts["tasks"]
    assert found.judged[-1].counts | {"sessions": 0, "subscriptions": 0, "stored": 0} == found.judged[-1].counts
    assert found.judged[-1].objects - found.judged[0].objects < 24  # a tenth of an object a visit


def test_a_server_keeps_nothing_of_what_was_given_up_in_a_long_conversation():
    found = soak_line_server(2, 300)
    assert found.left_over == {}
    assert found.judged[-1].objects - found.judged[0].objects < 30


@pytest.mark.parametrize(("transport", "visits"), [("http", 16), ("stdio", 2)])
def test_a_client_keeps_nothing_of_conversations_that_ended(transport, visits):
    found = soak_client(transport, 2, visits)
    assert {name: more for name, more in found.left_over.items() if name != "threads"} == {}
    assert found.judged[-1].objects - found.judged[0].objects < 2 * visits


@pytest.mark.parametrize("noise", [(0, 0, 0, 0, 0, 0), (0, 3, -2, 4, -1, 2), (5, 0, 4, 1, 3, 2)])
def test_noise_is_no_leak(noise):
    assert not soak([50 * MIB] * 2 + [50 * MIB + part * 100_000 for part in noise]).leaks


def test_what_settles_after_the_warm_up_is_no_leak():
    assert not soak([40 * MIB, 48 * MIB, 50 * MIB, 50 * MIB, 50 * MIB, 50 * MIB, 50 * MIB]).leaks


def test_steady_growth_is_a_leak_even_under_noise():
    noise = (0, 3, -2, 4, -1, 2, 0, 1)
    grown = [50 * MIB + part * 50_000 + number * 500_000 for number, part in enumerate(noise)]
    found = soak([50 * MIB] * 2 + grown)
    assert found.leaks
    assert found.bytes.low < 500 < found.bytes.high


def test_a_single_object_that_every_visit_leaves_behind_is_a_leak():
    assert soak([50 * MIB] * 8, objects=[n * 1000 for n in range(8)]).leaks


def test_a_task_that_is_left_over_is_a_leak():
    found = soak([50 * MIB] * 8, counts=[3, 3, 3, 3, 3, 3, 3, 4])
    assert (found.leaks, found.left_over) == (True, {"tasks": 1})


def test_few_rounds_tell_nothing():
    assert growth([1, 2, 3], 1).low == -math.inf
