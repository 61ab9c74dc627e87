"""Numbers are shown with the figures that matter."""

import pytest
from msgspec import structs

from reports.records import Run
from reports.units import asked_for, duration, figures, milliseconds, percentiles, share, size, throughput


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "-"), (0.0, "0.00 ms"), (0.4213, "0.42 ms"), (9.996, "10.0 ms"), (418.26, "418 ms"), (999.6, "1.00 s")],
)
def test_latencies_change_their_unit_before_they_grow_long(value: float | None, said: str) -> None:
    assert milliseconds(value) == said


def test_durations_sizes_and_shares_read_as_people_say_them() -> None:
    assert [duration(value) for value in (0.314, 97.42, 125, 3599.6)] == [
        "0.31 s",
        "97.4 s",
        "2 min 05 s",
        "60 min 00 s",
    ]
    assert [size(value) for value in (512, 2048, 92_000_000, 5e10)] == ["512 B", "2.00 KiB", "87.7 MiB", "46.6 GiB"]
    assert [share(value) for value in (0, 0.0012, 0.88, -3.1)] == ["0", "0.12 %", "88 %", "-310 %"]
    assert figures(18450.4) == "18,450"


def test_what_was_asked_of_the_generator_is_said_in_its_own_terms(sample_run: Run) -> None:
    assert [asked_for(load) for load in sample_run.loads] == ["400 a second", "200 a second", "256 users"]
    assert throughput(sample_run.loads[2]) == 18_060


@pytest.mark.parametrize(("total", "told"), [(19, []), (100, ["p50", "p90"]), (9999, ["p50", "p90", "p95", "p99"])])
def test_a_percentile_is_told_only_where_ten_values_lie_beyond_it(sample_run: Run, total: int, told: list[str]) -> None:
    load = sample_run.loads[0]
    few = structs.replace(load, counts=structs.replace(load.counts, total=total))
    assert [name for name, value in percentiles(few).items() if value is not None] == [*told, "max", "mean"]
    assert None not in percentiles(load).values()
