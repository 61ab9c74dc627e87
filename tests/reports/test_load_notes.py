"""What is worth a line under the latencies of a run, and what a search for capacity found in a sentence."""

import msgspec

from reports.console import to_text
from reports.load_notes import capacity_in_words, notes_of
from reports.records import Capacity, CurvePoint, GeneratorHealth, Latency, Load, Percentiles, Run

FOUND = Capacity(
    rate=640.0,
    at_least=False,
    reason="the objectives are missed at 660/s",
    objectives=("p99<50ms",),
    samples=2000,
    needed=1000,
)


def latency(p50: float, p99: float, samples: int = 5000) -> Latency:
    return Latency(
        percentiles=Percentiles(p50=p50, p90=p99, p95=p99, p99=p99, p99_9=p99, max=p99, mean=p50), samples=samples
    )


def load(like: Run, **fields: object) -> Load:
    plain = {"corrected": latency(2.0, 900.0), "uncorrected": None, "objectives": (), "errors": {}, "generator": None}
    return msgspec.structs.replace(like.loads[0], **(plain | fields))


def test_uncorrected_latencies_stand_beside_the_corrected_where_they_differ(sample_run: Run) -> None:
    apart = load(sample_run, uncorrected=latency(2.0, 2.6))
    assert list(notes_of(apart)) == [
        ("uncorrected", "p50 2.00 ms, p99 2.60 ms, max 2.60 ms from sending, blind to the wait before it")
    ]
    assert list(notes_of(load(sample_run, uncorrected=latency(2.0, 890.0)))) == []


def test_parts_of_the_way_are_told_where_they_are_not_the_whole(sample_run: Run) -> None:
    phases = {"first byte": latency(1.99, 800.0), "first progress": latency(0.5, 0.9, samples=30)}
    assert list(notes_of(load(sample_run, phases=phases))) == [
        ("first progress", "p50 0.50 ms, max 0.90 ms after sending")
    ]


def test_late_and_unsent_arrivals_are_told(sample_run: Run) -> None:
    row = load(sample_run)
    health = GeneratorHealth(lag_p99_ms=0.1, cpu_percent=5.0, late=row.counts.total // 2, unsent=7)
    ((word, said),) = notes_of(msgspec.structs.replace(row, generator=health))
    assert row.series
    assert (word, said) == ("late", "50 % of all arrivals found every connection busy, 7 were never sent")


def test_what_a_search_found_says_how_certain_it_is() -> None:
    assert capacity_in_words(FOUND) == "640/s with p99<50ms, of 2,000 samples; the objectives are missed at 660/s"
    few = msgspec.structs.replace(FOUND, at_least=True, samples=90, knee=400.0, reason="the time was over")
    assert capacity_in_words(few) == (
        "at least 640/s with p99<50ms, of 90 samples, 1,000 would make it certain, knee at 400/s; the time was over"
    )
    none = msgspec.structs.replace(FOUND, rate=None, assumed=True, unloaded_p50_ms=3.0, reason="missed even at 1/s")
    assert capacity_in_words(none) == "none found with p99<50ms (assumed: 3.00 ms unloaded): missed even at 1/s"


def test_the_terminal_shows_the_curve_and_what_was_found(sample_run: Run) -> None:
    met = CurvePoint(
        rate=640.0, throughput=639.0, seconds=2.0, samples=1278, p50=2.0, p99=49.0, errors=0.0, in_flight=3.2, met=True
    )
    missed = msgspec.structs.replace(met, rate=660.0, met=False, said="p99<50ms: 61 ms")
    limited = msgspec.structs.replace(
        met, rate=900.0, met=False, valid=False, said="the generator used 97 % of its core"
    )
    run = Run(header=sample_run.header, loads=(load(sample_run, curve=(met, missed, limited), capacity=FOUND),))
    lines = [" ".join(line.split()) for line in to_text(run, width=120).splitlines()]
    assert "640 639 2.00 ms 49.0 ms 0 3.20 1,278 met" in lines
    assert "660 639 2.00 ms 49.0 ms 0 3.20 1,278 missed: p99<50ms: 61 ms" in lines
    assert any("no result: the generator used 97 % of its core" in line for line in lines)
    assert any(line.startswith("capacity") and "640/s with p99<50ms" in line for line in lines)
