"""The page is opened in a browser: its script runs, its policy lets it, and what it shows can be looked at."""

import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
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


def acted(browse: Browse, document: str, script: str, *options: str) -> str:
    """The page after `script` did what a reader would; the page's own policy, which lets in no other, is lifted."""
    lifted = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", document)
    acting = lifted.replace("</body>", f"<script>{{{script}}}</script></body>")
    result = browse(acting, "--dump-dom", *options)
    assert complaints(result) == []
    return result.stdout.decode()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_shows_and_its_script_fills_in_what_it_should(
    browse: Browse, tmp_path: Path, sample_run: Run, dark: bool
) -> None:
    picture = tmp_path / "page.png"
    result = looked_at(browse, sample_run, picture, dark=dark)
    document = result.stdout.decode()
    assert complaints(result) == []
    assert re.search(r'<output id="shown"[^>]*>43 of 43</output>', document)
    assert re.search(r'<form class="filters" role="search" aria-label="[^"]+">', document)
    assert '<button type="button" class="copy">Copy</button>' in document
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1200, 1600)
    assert len(data) > 50_000  # an empty page is a tenth of that


def test_a_filter_hides_what_does_not_match(browse: Browse, sample_run: Run) -> None:
    typing = """
      const search = document.querySelector("[type=search]");
      search.value = "CANCEL stops";
      search.dispatchEvent(new Event("input", {bubbles: true}));
    """
    shown = acted(browse, render_html(sample_run), typing)
    assert re.search(r'<output id="shown"[^>]*>2 of 43</output>', shown)


def test_each_filter_counts_what_it_would_show(browse: Browse, sample_run: Run) -> None:
    choosing = """
      const told = [];
      for (const select of document.querySelectorAll(".filters select")) {
        const option = select.options[1];
        select.value = option.value;
        select.dispatchEvent(new Event("input", {bubbles: true}));
        const shown = document.querySelectorAll(".results tbody tr:not([hidden])").length;
        told.push(option.textContent.endsWith(`(${shown})`));
        select.value = "";
      }
      const box = document.querySelector(".chip input");
      box.click();
      const shown = document.querySelectorAll(".results tbody tr:not([hidden])").length;
      told.push(Number(document.querySelector(".chip b").textContent) === shown);
      document.title = told.join();
    """
    assert "<title>true,true,true,true,true</title>" in acted(browse, render_html(sample_run), choosing)


def test_a_square_of_the_coverage_map_filters_the_results(browse: Browse, sample_run: Run) -> None:
    pressing = """
      document.querySelector(".map button").click();
      const rows = [...document.querySelectorAll(".results tbody tr:not([hidden])")];
      const area = document.querySelector(".map button").dataset.area;
      document.title = rows.length > 0 && rows.every((row) => row.dataset.area === area);
    """
    assert "<title>true</title>" in acted(browse, render_html(sample_run), pressing)


def test_a_link_to_a_check_opens_it_whatever_is_filtered(browse: Browse, sample_run: Run) -> None:
    following = """
      const search = document.querySelector("[type=search]");
      search.value = "no such words";
      search.dispatchEvent(new Event("input", {bubbles: true}));
      const details = document.querySelector("details.failure");
      const before = [details.hidden, details.open];
      addEventListener("hashchange", () => {
        document.title = [...before, details.hidden, details.open];
      });
      location.hash = encodeURIComponent(details.id);
    """
    shown = acted(browse, render_html(sample_run), following, "--virtual-time-budget=5000")
    assert "<title>true,false,false,true</title>" in shown


def test_the_scheme_is_toggled_and_charts_are_read_by_keyboard(browse: Browse, sample_run: Run) -> None:
    acting = """
      const root = document.documentElement;
      const paper = () => getComputedStyle(document.body).backgroundColor;
      const scheme = document.querySelector(".scheme");
      const before = paper();
      scheme.click();
      const toggled = paper() !== before;
      const chart = document.querySelector("svg.chart");
      const readout = chart.parentElement.querySelector(".readout");
      const press = (key) => chart.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      press("ArrowRight");
      const first = readout.textContent;
      press("End");
      const last = readout.textContent;
      chart.querySelectorAll(".hit")[1].dispatchEvent(new PointerEvent("pointermove", {bubbles: true}));
      const hovered = readout.textContent;
      const focusable = chart.tabIndex === 0;
      document.title = [toggled, first.startsWith("second 0"), last !== first, hovered !== last, focusable];
    """
    assert "<title>true,true,true,true,true</title>" in acted(browse, render_html(sample_run), acting)


def test_thousands_of_verdicts_are_filtered(browse: Browse, sample_run: Run) -> None:
    verdict = sample_run.verdicts[0]
    many = tuple(msgspec.structs.replace(verdict, check=f"base.check-{number}") for number in range(2000))
    typing = """
      const search = document.querySelector("[type=search]");
      search.value = "check-1999";
      search.dispatchEvent(new Event("input", {bubbles: true}));
    """
    document = render_html(Run(header=sample_run.header, verdicts=many))
    assert len(document) < 2_000_000
    assert re.search(r'<output id="shown"[^>]*>1 of 2000</output>', acted(browse, document, typing))


@pytest.mark.parametrize("width", [500, 800, 1400])
def test_nothing_but_tables_is_wider_than_the_page(browse: Browse, sample_run: Run, width: int) -> None:
    measuring = """
      for (const each of document.querySelectorAll("details")) each.open = true;
      document.title = [...document.querySelectorAll("body *")]
        .filter((each) => !each.closest(".scroll, .sections, .hero, .hush, .skip, svg"))
        .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.className || each.tagName).join();
    """
    shown = acted(browse, render_html(sample_run), measuring, f"--window-size={width},1500", "--hide-scrollbars")
    assert "<title></title>" in shown


def test_the_policy_refuses_a_script_that_is_not_the_pages_own(browse: Browse, sample_run: Run) -> None:
    document = render_html(sample_run).replace("</body>", "<script>document.title = 'taken over'</script></body>")
    result = browse(document, "--dump-dom")
    assert "<title>taken over</title>" not in result.stdout.decode()
    assert any("Content Security Policy" in line for line in complaints(result))
