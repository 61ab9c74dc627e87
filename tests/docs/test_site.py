"""The documentation is built as a site: complete, every link leads somewhere, and a browser shows it offline."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from conformance.catalogue import load
from door.catalogue import all_ids
from door.reference.settings import MEANINGS, keys

pytest.importorskip("sphinx", reason="the site is made by Sphinx; it comes with the extra `docs`")
pytest.importorskip("myst_parser", reason="the site is made with MyST; it comes with the extra `docs`")
pytest.importorskip("furo", reason="the site looks as furo makes it; it comes with the extra `docs`")

ROOT = Path(__file__).resolve().parents[2]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr"),
    *("--hide-scrollbars", "--virtual-time-budget=20000"),
    # A page that asks the network for anything meets an error, which it logs.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
in_a_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
# Building takes a quarter of a minute, and a machine that is busy with all other tests several times that.
pytestmark = pytest.mark.timeout(600)


class Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("img", "script", "source", "iframe") and "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.loaded.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "docs/build.py"), str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False, timeout=550
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _broken(site: Path) -> Iterator[str]:
    parsed = cache(Page)
    for file in sorted(site.rglob("*.html")):
        for link in parsed(file).links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchor = unquote(parts.fragment)
            if not target.is_file() or (anchor and target.suffix == ".html" and anchor not in parsed(target).ids):
                yield f"{file.relative_to(site)}: {link}"


def test_every_link_of_the_site_leads_to_a_page_and_a_place_on_it(site: Path) -> None:
    assert list(_broken(site)) == []


def test_everything_that_judges_and_every_requirement_has_an_address_made_of_its_id(site: Path) -> None:
    for kind, ids in (("checks", all_ids()), ("requirements", list(load().rows))):
        pages = {
            name: Page(site / f"reference/{kind}/{name}.html") for name in {each.partition(".")[0] for each in ids}
        }
        assert [each for each in ids if each not in pages[each.partition(".")[0]].ids] == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = {address for file in site.rglob("*.html") for address in Page(file).loaded}
    styles = "".join(file.read_text("utf-8") for file in site.rglob("*.css"))
    assert loaded
    assert [address for address in loaded if urlsplit(address).scheme or address.startswith("//")] == []
    assert re.findall(r"@import[^;]*|url\(['\"]?(?:https?:)?//[^)]*", styles) == []


def test_each_key_of_the_settings_has_its_meaning() -> None:
    assert {path for path, *_ in keys()} == set(MEANINGS)


def _look(site: Path, page: str, profile: Path, *options: str) -> tuple[str, list[str]]:
    """Open a page from the disk and return what it became, and what it complained of."""
    address = f"{(site / 'index.html').as_uri().removesuffix('index.html')}{page}"
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={profile}", "--dump-dom", *options, address]
    done = subprocess.run(command, capture_output=True, check=True, timeout=200)
    return done.stdout.decode(), re.findall(r":CONSOLE.*", done.stderr.decode("utf-8", "replace"))


@in_a_browser
def test_the_search_finds_a_check_without_any_network(site: Path, tmp_path: Path) -> None:
    document, complaints = _look(site, "search.html?q=origin-foreign", tmp_path)
    assert complaints == []
    assert 'href="reference/checks/http.html' in document


@in_a_browser
@pytest.mark.parametrize("width", [500, 800, 1400])
def test_a_page_is_shown_without_a_complaint_and_keeps_to_its_width(site: Path, tmp_path: Path, width: int) -> None:
    page = site / "measured.html"
    # Measured by a script of the test, in a copy: how far anything reaches that does not scroll by itself.
    measure = """<script>addEventListener("load", () => {
      document.title = [...document.querySelectorAll("article *")]
        .filter((each) => !each.closest(".table-wrapper, pre, .headerlink"))
        .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.tagName).join() || "kept";
    });</script></body>"""
    page.write_text((site / "tutorial.html").read_text("utf-8").replace("</body>", measure), "utf-8")
    picture = tmp_path / "page.png"
    size = (f"--screenshot={picture}", f"--window-size={width},1200")
    document, complaints = _look(site, "measured.html", tmp_path / "profile", *size)
    assert complaints == []
    assert "<title>kept</title>" in document
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (width, 1200)
    assert len(data) > 30_000  # an empty page is a tenth of that
