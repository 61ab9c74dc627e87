"""A survey's rows follow from records alone, and every rendering from the rows."""

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from reports.baseline import Baseline, Known
from reports.matrix import (
    Implementation,
    Matrix,
    SurveyFooter,
    SurveyHeader,
    encode_row,
    groups_of,
    implementation,
    read_matrix,
    spread,
)
from reports.matrix_console import survey_table, troubles
from reports.matrix_html import headline, render_matrix
from reports.records import Run, severity

HEADER = SurveyHeader(touchstone="0.1.0", command="touchstone survey x.toml", started=datetime(2026, 9, 1, tzinfo=UTC))
WORST = ("violation", "fault", "warning", "note", "known", "ok", "open", "n/a")


def identity(name: str, **more: object) -> Implementation:
    facts = {"name": name, "role": "server", "exit": 3, "complete": False, "seconds": 0.0, "configuration": "abc"}
    return Implementation(**facts | more)


@pytest.fixture
def matrix(sample_run: Run, clean_run: Run) -> Matrix:
    rows = (
        implementation(sample_run, identity("notes <i>", report="targets/notes/report.html")),
        implementation(clean_run, identity("clean", records="targets/clean/records.jsonl")),
        identity("gone", trouble="no such \x1b[2J <b>program</b>"),
        implementation(clean_run, identity("a client", role="client")),
    )
    return Matrix(HEADER, rows, SurveyFooter(complete=True, exit=1, seconds=12.5))


def test_a_check_counts_once_at_its_worst(sample_run: Run) -> None:
    row = implementation(sample_run, identity("x"))
    by_check: dict[str, str] = {}
    for each in sample_run.judgements:
        by_check[each.check] = min(severity(each), by_check.get(each.check, "n/a"), key=WORST.index)
    assert sum(sum(cell.counts.values()) for cell in row.cells) == len(by_check)
    for name in WORST:
        assert row.count(name) == sum(found == name for found in by_check.values()), name


def test_a_row_says_what_its_records_say(sample_run: Run) -> None:
    row = implementation(sample_run, identity("x", trouble="stopped"))
    assert (row.exit, row.complete, row.seconds) == (1, True, 97.4)
    assert row.target == sample_run.header.target
    assert row.headline.startswith("3 violations")
    assert (row.name, row.trouble, row.configuration) == ("x", "stopped", "abc")
    cell = row.cell("tools")
    assert cell is not None
    assert cell.worst == "violation"
    assert row.cell("nothing") is None


def test_what_is_known_is_counted_as_known(sample_run: Run) -> None:
    known = Baseline(datetime(2026, 9, 1, tzinfo=UTC).date(), (Known(check="tools.call.error"),))
    row = implementation(replace(sample_run, baseline=known), identity("x"))
    assert row.count("known") == 1
    assert [each.check for each in row.failing if each.severity == "known"] == ["tools.call.error"]


def test_every_failing_check_stands_with_those_that_it_fails_on(matrix: Matrix, sample_run: Run) -> None:
    twice = (*matrix.implementations, implementation(sample_run, identity("notes again")))
    first, *rest = spread(twice)
    assert first.failing.severity == "violation"
    assert [row.name for row in first.on] == ["notes <i>", "notes again"]
    assert "tools.names" in {each.failing.check for each in rest}


def test_the_headline_counts_implementations(matrix: Matrix) -> None:
    assert headline(matrix.implementations) == "3 implementations judged, 1 with violations, 1 without a verdict"
    assert headline(matrix.implementations[1:2]) == "1 implementation judged, none with violations"


def test_rows_are_read_back_as_far_as_they_were_written(matrix: Matrix) -> None:
    lines = [encode_row(row) for row in (matrix.header, *matrix.implementations)]
    whole = b"\n".join([*lines, encode_row(matrix.footer)])
    assert read_matrix(whole) == matrix
    torn = read_matrix(b"\n".join(lines)[:-20])
    assert torn is not None
    assert torn.implementations == matrix.implementations[:-1]
    assert read_matrix(b"") is None
    assert read_matrix(b'{"kind": "header"}\n') is None
    later = msgspec.structs.replace(matrix.header, schema=99)
    assert read_matrix(encode_row(later)) is None


def test_the_page_shows_each_role_and_obeys_no_stranger(matrix: Matrix) -> None:
    page = render_matrix(matrix)
    assert page.count('<table class="matrix">') == 2
    assert page.count('<table class="matrix fine">') == 2
    assert "notes &lt;i&gt;" in page
    assert "no such \\x1b[2J &lt;b&gt;program&lt;/b&gt;" in page
    assert (
        '<a class="violation" href="#checks-server" data-target="notes &lt;i&gt;" data-area="tools" data-failing'
        in page
    )
    assert '<td class="violation"><a href="targets/notes/report.html#' in page
    assert 'aria-label="notes &lt;i&gt;, tools: 1 violation' in page
    assert page.count("<script>") == 1
    assert "<i>" not in page
    for group in groups_of(matrix.of("server")):
        assert f"<span>{group}</span>" in page


def test_a_survey_without_an_end_says_so(matrix: Matrix) -> None:
    assert "did not come to its end" in render_matrix(replace(matrix, footer=None))
    assert "did not come to its end" not in render_matrix(matrix)


def test_the_terminal_has_a_line_for_each_and_says_why_there_is_no_verdict(matrix: Matrix) -> None:
    out = StringIO()
    console = Console(file=out, width=80)
    console.print(survey_table(matrix))
    for trouble in troubles(matrix):
        console.print(trouble)
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert ["clean", "-", "-", "-", "-", "28", "-", "3.4", "s"] in lines
    assert "gone: no such \\x1b[2J <b>program</b>" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80
