"""Runs over time: in their order, what got worse marked, and a page that needs nothing from elsewhere."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from door.errors import Refusal
from door.options import ReportOptions
from door.reporting import render
from reports.records import Footer, Header, Run, Target, Verdict, encode
from reports.trend import Moment, trend_markdown, trend_of
from reports.trend_html import render_trend
from tests.reports.loads import NOTHING, drawn, load_of

HOSTILE = "<script>alert(1)</script>"


def run(day: int, *outcomes: str, median: float = 10.0) -> Run:
    header = Header(
        touchstone="1.0",
        command="touchstone run",
        target=Target(name="notes", transport="stdio", address="python server.py"),
        revisions=("2025-11-25",),
        started=datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=day),
    )
    rows = [{"check": f"c{number}", "outcome": each} for number, each in enumerate(outcomes)]
    common = {"kind": "verdict", "title": "t", "level": "MUST", "revision": "2025-11-25", "transport": "stdio"}
    verdicts = tuple(msgspec.convert(common | row, Verdict) for row in rows)
    load = load_of(drawn(random.Random(day), 20, 100, median, 0.2))
    told = msgspec.structs.replace(NOTHING, p50=median, p99=2 * median)
    load = msgspec.structs.replace(load, corrected=msgspec.structs.replace(load.corrected, percentiles=told))
    footer = Footer(complete=True, counts={}, exit=0, seconds=1.0)
    return Run(header, verdicts, loads=(load,), footer=footer)


@pytest.fixture
def moments() -> tuple[Moment, ...]:
    runs = [(f"{HOSTILE}.jsonl", run(2, "passed", "passed", median=20.0)), ("b", run(1, "passed", "failed"))]
    return trend_of([*runs, ("a", run(0, "passed", "passed", "blocked", "inapplicable"))])


def test_runs_stand_by_time_with_what_got_worse(moments: tuple[Moment, ...]) -> None:
    assert [moment.name for moment in moments] == ["a", "b", f"{HOSTILE}.jsonl"]
    assert [moment.worse for moment in moments] == [
        "",
        "1 newly failing check",
        "p50 worse, p99 worse",
    ]
    assert moments[0].judged == pytest.approx(2 / 3)


def test_markdown_has_a_table_of_runs_and_one_of_each_operation(moments: tuple[Moment, ...]) -> None:
    text = trend_markdown(moments)
    assert text.startswith("## 3 runs, 2 worse than the one before\n")
    assert "### steady, tools/call echo" in text
    assert "20.0 ms" in text
    assert "<script>" not in text


def test_the_page_has_charts_and_obeys_and_fetches_nothing(moments: tuple[Moment, ...]) -> None:
    page = render_trend(moments)
    assert page.count("<figure>") == 4
    assert page.count(">worse</span>") == 2
    assert page.count("<script>") == 1
    assert page.count('class="line bad"') == 1
    assert "alert(1)</script>" not in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "<figure" not in render_trend(moments[:1])


def test_an_operation_that_is_missing_somewhere_is_a_gap(moments: tuple[Moment, ...]) -> None:
    without = replace(moments[1].run, loads=())
    told = trend_of([("a", moments[0].run), ("b", without), ("c", moments[2].run)])
    assert "<figure" in render_trend(told)


def test_what_no_run_measured_is_named_and_not_drawn(moments: tuple[Moment, ...]) -> None:
    limited = [
        (
            moment.name,
            replace(moment.run, loads=tuple(msgspec.structs.replace(load, valid=False) for load in moment.run.loads)),
        )
        for moment in moments
    ]
    page = render_trend(trend_of(limited))
    assert page.count("<figure>") == 2
    assert "Not drawn, since no run has a valid result of it: steady, tools/call echo: latency; " in page


def test_a_folder_is_reported_as_a_trend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in (0, 1):
        rows = run(day, "passed")
        lines = [rows.header, *rows.verdicts, *rows.loads, rows.footer]
        text = b"".join(encode(row) + b"\n" for row in lines if row is not None)
        (tmp_path / f"{day}.jsonl").write_bytes(text)
    (tmp_path / "torn.jsonl").write_text("no records", "utf-8")
    page = tmp_path / "trend.html"
    assert render(tmp_path, ReportOptions(reports={"html": page})) == 0
    assert "Trend of 2 runs" in page.read_text("utf-8")
    assert render(tmp_path, ReportOptions()) == 0
    shown = capsys.readouterr()
    assert "## 2 runs, 0 worse" in shown.out
    assert "left out: " in shown.err
    with pytest.raises(Refusal, match="a trend is made as html or markdown, not as junit"):
        render(tmp_path, ReportOptions(form="junit"))
