"""The cap on what a run may ask."""

from loadtest.throttle import Throttle


def test_there_are_never_more_than_the_cap_and_what_was_held_back_is_counted() -> None:
    time = [100.0]

    def sleep(seconds: float) -> None:
        time[0] += seconds

    throttle = Throttle(10.0, sleep, lambda: time[0])
    starts = []
    for _ in range(31):
        throttle.admit()
        starts.append(time[0])
    assert 2.8 < starts[-1] - starts[0] < 3.1
    assert throttle.held_back >= 28


def test_who_asks_for_less_is_not_held_back() -> None:
    time = [0.0]
    throttle = Throttle(10.0, lambda _: None, lambda: time[0])
    for _ in range(50):
        throttle.admit()
        time[0] += 0.101
    assert throttle.held_back == 0
