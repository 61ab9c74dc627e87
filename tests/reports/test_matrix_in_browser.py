"""The matrix is opened in a browser, at the width of a desk and of a phone."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.matrix import Implementation, Matrix, SurveyFooter, SurveyHeader, implementation
from reports.matrix_html import render_matrix
from reports.records import Run

from .test_html_in_browser import BROWSER, Browse, browse, complaints

__all__ = ["browse"]

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")

MEASURE = """<script>
  const width = Number(location.hash.slice(1)) || innerWidth;
  document.documentElement.style.width = `${width}px`;
  document.title = [...document.querySelectorAll("body *")]
    .filter((each) => !each.closest(".scroll, .sections, .hero, .hush, .skip"))
    .filter((each) => each.getBoundingClientRect().right > width + 1)
    .map((each) => each.className || each.tagName).join();
</script>"""


@pytest.fixture
def document(sample_run: Run, clean_run: Run) -> str:
    header = SurveyHeader(touchstone="0.1.0", command="touchstone survey x", started=datetime(2026, 9, 1, tzinfo=UTC))
    runs = [sample_run if number % 3 else clean_run for number in range(7)]
    rows = tuple(
        implementation(
            run,
            Implementation(
                name=f"implementation {number}",
                role="server",
                exit=1,
                complete=True,
                seconds=1.0,
                configuration="",
                report="r.html",
            ),
        )
        for number, run in enumerate(runs)
    )
    return render_matrix(Matrix(header, rows, SurveyFooter(complete=True, exit=1, seconds=9)))


@pytest.mark.parametrize("width", [1200, 500])
def test_the_matrix_shows_and_only_its_tables_are_wider_than_the_page(
    browse: Browse, tmp_path: Path, document: str, width: int
) -> None:
    picture = tmp_path / "page.png"
    size = (f"--window-size={width},1500", "--hide-scrollbars")
    result = browse(document, f"--screenshot={picture}", *size)
    assert complaints(result) == []
    assert picture.stat().st_size > 50_000
    # The page's own policy lets no script in: here it is lifted, to measure.
    lifted = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", document)
    measured = browse(lifted.replace("</body>", f"{MEASURE}</body>"), "--dump-dom", *size)
    assert "<title></title>" in measured.stdout.decode()
