"""The page is opened in a browser: its script runs, its policy lets it, and what it shows can be looked at."""

import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.html import render_html
from reports.records import Run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")

Browse = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    def run(document: str, *options: str) -> subprocess.CompletedProcess[bytes]:
        page = tmp_path / "report.html"
        page.write_text(document, "utf-8")
        command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *options, page.as_uri()]
        return subprocess.run(command, capture_output=True, check=True, timeout=90)

    return run


def complaints(result: subprocess.CompletedProcess[bytes]) -> list[str]:
    """What the page itself logged: script errors, and whatever its policy refused."""
    return re.findall(r":CONSOLE.*", result.stderr.decode("utf-8", "replace"))


def looked_at(browse: Browse, run: Run, picture: Path, *, dark: bool) -> subprocess.CompletedProcess[bytes]:
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    size = ("--window-size=1200,1600", "--hide-scrollbars")
    return browse(render_html(run), "--dump-dom", f"--screenshot={picture}", *size, scheme)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_shows_and_its_script_fills_in_what_it_should(
    browse: Browse, tmp_path: Path, sample_run: Run, dark: bool
) -> None:
    picture = tmp_path / "page.png"
    result = looked_at(browse, sample_run, picture, dark=dark)
    document = result.stdout.decode()
    assert complaints(result) == []
    assert re.search(r'<output id="shown"[^>]*>43 of 43</output>', document)
    assert '<form class="filters" role="search">' in document
    assert '<button type="button" class="copy">Copy</button>' in document
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1200, 1600)
    assert len(data) > 50_000  # an empty page is a tenth of that


def test_a_filter_hides_what_does_not_match(browse: Browse, sample_run: Run) -> None:
    # The page's own policy lets no second script in: here it is lifted, to type as a reader would.
    typing = """<script>
      const search = document.querySelector("[type=search]");
      search.value = "CANCEL stops";
      search.dispatchEvent(new Event("input", {bubbles: true}));
    </script>"""
    document = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", render_html(sample_run))
    result = browse(document.replace("</body>", f"{typing}</body>"), "--dump-dom")
    assert complaints(result) == []
    assert re.search(r'<output id="shown"[^>]*>2 of 43</output>', result.stdout.decode())


def test_the_policy_refuses_a_script_that_is_not_the_pages_own(browse: Browse, sample_run: Run) -> None:
    document = render_html(sample_run).replace("</body>", "<script>document.title = 'taken over'</script></body>")
    result = browse(document, "--dump-dom")
    assert "<title>taken over</title>" not in result.stdout.decode()
    assert any("Content Security Policy" in line for line in complaints(result))
