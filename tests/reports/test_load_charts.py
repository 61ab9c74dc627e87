"""A load run is drawn from what was recorded, whole or in part."""

import random
import re
import xml.etree.ElementTree as ET

import msgspec
import pytest

from reports.load_charts import figures_of, figures_of_cost, figures_of_share
from reports.records import Capacity, CurvePoint, Load, LoadJudgement, Run


def changed(load: Load, **fields: object) -> Load:
    return msgspec.structs.replace(load, **fields)


def test_each_operation_shows_latency_throughput_and_distribution(sample_run: Run) -> None:
    figures = figures_of(sample_run.loads[0])
    assert [figure.title for figure in figures] == ["Latency", "Throughput", "Distribution"]
    assert [name for name, _ in figures[2].legend] == ["from sending", "from the intended start"]
    for figure in figures:
        ET.fromstring(figure.drawing)


def test_the_target_shows_processor_and_memory(sample_run: Run) -> None:
    figures = figures_of_cost(sample_run.loads[0].target)
    assert [figure.title for figure in figures] == ["CPU of the target", "Memory of the target"]


@pytest.mark.parametrize("holds", [True, False])
def test_where_memory_was_judged_its_trend_is_drawn_with_its_slope(sample_run: Run, holds: bool) -> None:
    judged = LoadJudgement(name="no memory is left behind", holds=holds, explanation="")
    name, _ = figures_of_cost(sample_run.loads[0].target, (judged,))[1].legend[1]
    assert re.fullmatch(r"trend \+4\d\d KiB a second", name)


def test_where_memory_was_not_judged_there_is_no_trend(sample_run: Run) -> None:
    open_ = LoadJudgement(name="no memory is left behind", holds=None, explanation="")
    assert figures_of_cost(sample_run.loads[0].target, (open_,))[1].legend == (("resident", "second"),)


STEP = CurvePoint(
    rate=10.0, throughput=10.0, seconds=2.0, samples=20, p50=1.0, p99=None, errors=0.0, in_flight=0.1, met=True
)
CURVE = (
    STEP,
    msgspec.structs.replace(STEP, rate=20.0, throughput=19.0, p50=2.0, p99=30.0),
    msgspec.structs.replace(STEP, rate=40.0, p50=900.0, valid=False),
)


def test_a_search_for_capacity_is_drawn_as_latency_by_throughput(sample_run: Run) -> None:
    figure = figures_of(changed(sample_run.loads[2], curve=CURVE))[0]
    assert figure.title == "Latency by throughput"
    assert "900" not in figure.drawing
    assert "knee" not in figure.drawing


def test_a_search_without_results_draws_no_empty_curve(sample_run: Run) -> None:
    found = figures_of(changed(sample_run.loads[2], curve=(CURVE[0], CURVE[2])))
    assert [figure.title for figure in found] == ["Distribution"]


def test_rates_below_five_a_second_are_told_apart_on_the_axis(sample_run: Run) -> None:
    slow = tuple(msgspec.structs.replace(STEP, throughput=reached) for reached in (0.5, 1.2))
    drawing = ET.fromstring(figures_of(changed(sample_run.loads[2], curve=slow))[0].drawing)
    labels = [text.text for text in drawing.iterfind("text[@class='tick']") if str(text.text).endswith("/s")]
    assert labels == ["0.5/s", "0.75/s", "1/s"]


def test_knee_and_capacity_are_marked_on_the_curve(sample_run: Run) -> None:
    found = Capacity(rate=20.0, at_least=True, reason="the end", objectives=(), samples=20, needed=20, knee=10.0)
    drawing = ET.fromstring(figures_of(changed(sample_run.loads[2], curve=CURVE, capacity=found))[0].drawing)
    marks = [(text.text, text.get("text-anchor")) for text in drawing.iterfind("text[@class='mark']")]
    assert marks == [("knee 10.0/s", "start"), ("capacity at least 20.0/s", "end")]
    assert "knee 10.0/s" in drawing.get("aria-label")


def test_without_series_there_is_the_distribution_alone(sample_run: Run) -> None:
    assert [figure.title for figure in figures_of(sample_run.loads[2])] == ["Distribution"]


def test_the_distribution_reaches_the_slowest_value(sample_run: Run) -> None:
    load = sample_run.loads[0]
    slowest = f"{load.corrected.percentiles.max:.0f} ms"
    assert slowest in figures_of(load)[2].drawing


def test_percentiles_stand_in_for_a_histogram_that_cannot_be_read(sample_run: Run) -> None:
    load = sample_run.loads[0]
    latency = msgspec.structs.replace(load.corrected, histogram="not one")
    drawing = figures_of(changed(load, corrected=latency, uncorrected=None))[2].drawing
    assert drawing.count("<title>") == 5


@pytest.mark.parametrize("seed", range(3))
def test_a_second_in_which_nothing_completed_is_a_gap(sample_run: Run, seed: int) -> None:
    rows = list(sample_run.loads[0].series)
    at = random.Random(seed).randrange(1, len(rows) - 1)
    rows[at] = msgspec.structs.replace(rows[at], completed=0, p50=None, p99=None)
    drawing = figures_of(changed(sample_run.loads[0], series=tuple(rows)))[0].drawing
    assert drawing.count("<polyline") == 4


def test_shares_near_one_have_as_many_nines_as_they_need() -> None:
    assert [figures_of_share(share) for share in (0.5, 0.9, 0.99, 0.9995)] == ["50 %", "90 %", "99 %", "99.95 %"]
