"""The matrix is opened in a browser: filters, drill-down by keyboard, names that stay in sight, paper."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.matrix import Implementation, Matrix, SurveyFooter, SurveyHeader, implementation
from reports.matrix_html import render_matrix
from reports.records import Run

from .browser import BROWSER, Page, started

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")

ROWS = """[...document.querySelectorAll(".fine tbody tr:not([hidden])")]"""


@pytest.fixture(scope="module")
def document(sample_run: Run, clean_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    header = SurveyHeader(touchstone="0.1.0", command="touchstone survey x", started=datetime(2026, 9, 1, tzinfo=UTC))
    runs = [sample_run if number % 3 else clean_run for number in range(7)]
    common = {"role": "server", "exit": 1, "complete": True, "seconds": 1.0, "configuration": "", "report": "r.html"}
    rows = tuple(
        implementation(run, Implementation(name=f"implementation {number}", **common))
        for number, run in enumerate(runs)
    )
    file = tmp_path_factory.mktemp("matrix") / "index.html"
    file.write_text(render_matrix(Matrix(header, rows, SurveyFooter(complete=True, exit=1, seconds=9))), "utf-8")
    return file


@pytest.fixture(scope="module")
def page(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser.page().look(1400).open(document)


@pytest.fixture
def matrix(page: Page, document: Path) -> Iterator[Page]:
    """The matrix as it is when it is opened."""
    yield page.look(1400).open(document)
    assert page.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1400])
def test_only_its_tables_are_wider_than_the_page(matrix: Page, tmp_path: Path, width: int, dark: bool) -> None:
    matrix.look(width, dark=dark)
    beyond = """[...document.querySelectorAll("body *")]
        .filter((each) => !each.closest(".scroll, .sections, .hero, .hush, .skip"))
        .filter((each) => each.getBoundingClientRect().right > innerWidth + 1).length"""
    assert matrix.run(beyond) == 0
    assert len(matrix.picture(tmp_path / "page.png")) > 30_000  # an empty page is a tenth of that


def test_at_first_only_what_fails_or_differs_is_shown_and_the_toggle_shows_all(matrix: Page) -> None:
    assert matrix.run(f"{ROWS}.every((row) => 'telling' in row.dataset)")
    few = matrix.run(f"{ROWS}.length")
    matrix.run("document.querySelector('[name=telling]').click()")
    everything = matrix.run(f"{ROWS}.length")
    assert 0 < few < everything == matrix.run("document.querySelectorAll('.fine tbody tr').length")
    assert matrix.run("document.getElementById('shown').textContent") == f"{everything} of {everything} checks"


@pytest.mark.parametrize("field", ["level", "area"])
def test_rows_are_narrowed_by_what_they_say_of_themselves(matrix: Page, field: str) -> None:
    choose = f"""(() => {{
      document.querySelector("[name=telling]").checked = false;
      const select = document.querySelector("[data-field={field}]");
      select.value = select.options[1].value;
      select.dispatchEvent(new Event("input", {{bubbles: true}}));
      const rows = {ROWS};
      return rows.length > 0 && rows.every((row) => row.dataset.{field} === select.value);
    }})()"""
    assert matrix.run(choose)


def test_rows_are_narrowed_by_outcome_revision_and_implementation(matrix: Page) -> None:
    choose = f"""(() => {{
      document.querySelector(".chip [value=violation]").click();
      const violated = {ROWS}.every((row) => "violation" in JSON.parse(row.dataset.seen));
      const set = (field, value) => {{
        const select = document.querySelector(`[data-field=${{field}}]`);
        select.value = value;
        select.dispatchEvent(new Event("input", {{bubbles: true}}));
      }};
      const all = {ROWS}.length;
      set("revision", "2024-11-05");
      const then = {ROWS}.every((row) => JSON.parse(row.dataset.seen).violation.includes("2024-11-05"));
      const some = {ROWS}.length;
      set("target", "implementation 0");
      return [violated, then, some > 0 && some < all, {ROWS}.length];
    }})()"""
    assert matrix.run(choose) == [True, True, True, 0]


def test_a_square_leads_by_keyboard_to_its_checks_and_each_of_them_to_the_report(matrix: Page) -> None:
    matrix.run("document.querySelector('.matrix:not(.fine) a.violation').focus()")
    area = matrix.run("document.activeElement.dataset.area")
    matrix.press("Enter")
    # The filters are set once the form was reset, in a turn of its own.
    matrix.run("new Promise((done) => setTimeout(() => setTimeout(done)))")
    assert matrix.run("document.activeElement.id") == "checks-server"
    assert matrix.run(f"{ROWS}.length > 0 && {ROWS}.every((row) => row.dataset.area === '{area}')")
    matrix.press("Tab")
    address, said = matrix.run("[document.activeElement.getAttribute('href'), document.activeElement.textContent]")
    assert address.startswith("r.html#")
    assert "implementation 1: violation" in said


def test_header_and_names_stay_in_sight(matrix: Page) -> None:
    # All rows, in a box too small for them: what is scrolled leaves the first row and the first column where they are.
    there = """(() => {
      document.querySelector("[name=telling]").click();
      const box = document.querySelector(".both");
      box.style.width = "400px";
      box.style.maxHeight = "300px";
      const heads = () => [box.querySelector("thead th:nth-child(2)").getBoundingClientRect().top,
        box.querySelector("tbody th").getBoundingClientRect().left];
      const before = heads();
      box.scrollTo(150, 400);
      return [box.scrollLeft > 0 && box.scrollTop > 0, JSON.stringify(before) === JSON.stringify(heads())];
    })()"""
    assert matrix.run(there) == [True, True]


def test_on_paper_nothing_is_cut(matrix: Page) -> None:
    matrix.look(800, paper=True)
    cut = """[...document.querySelectorAll(".scroll")].filter((each) =>
      getComputedStyle(each).maxHeight !== "none" || getComputedStyle(each).overflowX !== "visible").length"""
    assert matrix.run(cut) == 0
    wide = """[...document.querySelectorAll("main table")].filter((each) =>
      each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.className).join()"""
    assert matrix.run(wide) == ""
    assert matrix.printed().startswith(b"%PDF-")
