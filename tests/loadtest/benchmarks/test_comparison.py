"""The page of the comparison: tables, charts and markers, from rows that nobody has to measure."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from loadtest.benchmarks.comparison.cases import LIBRARIES, MODES, OURS, QUICK, mode_named
from loadtest.benchmarks.comparison.drawing import curves
from loadtest.benchmarks.comparison.page import BEGIN, END, between_markers, publish, rendered
from loadtest.benchmarks.comparison.results import About, Lacking, Results, Row, Run, Sessions, Start, read, write
from loadtest.benchmarks.comparison.tables import (
    conditions,
    curve_table,
    sessions_table,
    starts_table,
    throughput_table,
)

MODE = mode_named("session-sse")
PEER = "mcp-1"
DOCS = Path(__file__).resolve().parents[3] / "docs"


def about(disturbed: float = 0.0) -> About:
    return About(
        date="2030-01-01 12:00 UTC",
        seconds=700.0,
        quick=False,
        rounds=2,
        machine="a processor",
        cores=2,
        pinned=True,
        python="3.14.0",
        node="v26.0.0",
        versions={each.name: "1.2.3" for each in LIBRARIES},
        calibrated={"http": 20_000.0},
        others=0.01,
        disturbed=disturbed,
    )


def run(library: str, throughput: float, rate: float | None = None, limited: tuple[str, ...] = ()) -> Run:
    return Run(
        library=library,
        mode=MODE.name,
        round=1,
        model="closed" if rate is None else "open",
        rate=rate,
        throughput=throughput,
        total=1000,
        failed=0 if rate is None else 3,
        p50=1.5,
        p99=20.0,
        p99_9=None,
        cpu=0.25,
        rss_mib=64.0,
        threads=5,
        limited=limited,
        others=0.01,
    )


def results(*more: Row) -> Results:
    return Results(
        (
            about(),
            run(OURS, 9000.0, limited=("the generator used 99 % of its core",)),
            run(PEER, 600.0),
            run(PEER, 700.0),
            run(PEER, 300.0, 300.0),
            run(PEER, 580.0, 660.0),
            Start(library=PEER, mode=MODE.name, round=1, first_call_ms=500.0),
            Start(library=PEER, mode=MODE.name, round=2, first_call_ms=700.0),
            Lacking(library="ts-1", mode=MODE.name, why="it answers with 400: {`no`}"),
            *more,
        )
    )


def line(table: str, title: str) -> list[str]:
    (found,) = (each for each in table.splitlines() if title in each)
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_the_median_of_the_rounds_stands_with_its_range() -> None:
    cells = line(throughput_table(results(), MODE), "FastMCP")
    assert set(cells[1:]) == {"-"}
    library = line(throughput_table(results(), MODE).replace("Python SDK 1.2.3", "Peer", 1), "Peer")
    assert library == ["Peer", "650 (600..700)", "1.50 ms", "20.0 ms", "-", "0.250", "64.0", "5", "0"]


def test_what_the_generator_limited_is_marked() -> None:
    assert line(throughput_table(results(), MODE), "Touchstone")[1] == "9,000†"


def test_the_rates_of_a_library_stand_below_each_other_in_order() -> None:
    rows = [row for row in curve_table(results(), MODE).splitlines() if "/s" in row]
    assert [row.split("|")[2].strip() for row in rows] == ["300/s", "660/s"]
    assert "3 of 1,000" in rows[1]


def test_a_start_is_the_median_of_its_rounds() -> None:
    assert "600 ms" in starts_table(results(), [MODE])


def test_a_library_without_sessions_has_dashes() -> None:
    held = Sessions(
        library=PEER,
        mode=MODE.name,
        set_up_p50=2.0,
        set_up_p99=None,
        a_second=300.0,
        failed=0,
        cpu=None,
        idle=400,
        idle_kib=38.2,
    )
    rows = [row for row in sessions_table(results(held), [MODE]).splitlines() if "38.2" in row]
    assert [cell.strip() for cell in rows[0].strip("|").split("|")][1:] == [
        *("SSE", "2.00 ms", "-", "300", "-", "38.2", "0")
    ]
    assert sessions_table(results(held), [MODE]).count("| - | - | - | - | - | - |") == len(LIBRARIES) - 1


def test_a_busy_machine_is_said_to_be_one() -> None:
    assert "no results" not in conditions(about())
    assert "no results" in conditions(about(disturbed=0.5))


def test_a_chart_stands_by_itself_and_names_its_lines() -> None:
    drawn = curves(results(), MODE)
    root = ElementTree.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "Python SDK 1.2.3" in drawn
    assert "http://" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in drawn


def test_nothing_is_drawn_of_nothing() -> None:
    assert curves(results(), mode_named("stdio-legacy")) == ""


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert between_markers(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert between_markers(between_markers(page, "old"), "new") == between_markers(page, "new")


@pytest.mark.parametrize("page", ["", f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="must have"):
        between_markers(page, "new")


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", results().rows)
    assert read(tmp_path / "rows.jsonl").rows == results().rows


def test_a_page_is_made_with_its_charts(tmp_path: Path) -> None:
    publish(results(), tmp_path / "figures")
    page = (tmp_path / "figures.md").read_text()
    assert "](figures/session-sse.svg)" in page
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["session-sse.svg"]
    assert "it answers with 400: `{'no'}`" in page


def test_a_quick_run_asks_every_library_in_known_modes() -> None:
    assert set(QUICK) <= {mode.name for mode in MODES}


def test_the_published_page_shows_the_published_records() -> None:
    found = read(DOCS / "benchmarks" / "comparison.jsonl")
    assert rendered(found, "benchmarks") in (DOCS / "benchmarks.md").read_text("utf-8")
