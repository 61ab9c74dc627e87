"""The report is used by keyboard alone, and printed."""

from collections.abc import Iterator

import pytest

from reports.html import render_html
from reports.records import Run

from .browser import BROWSER, Page, started

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")


@pytest.fixture(scope="module")
def page(sample_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("report")
    (folder / "report.html").write_text(render_html(sample_run), "utf-8")
    with started(folder / "profile") as browser:
        page = browser.page().look(1200).open(folder / "report.html")
        yield page
        assert page.complaints == []


def test_tab_leads_to_every_control_in_order_and_each_shows_that_it_has_the_focus(page: Page) -> None:
    # Controls are numbered in the order of the document; the first Tab goes to the first of them.
    controls = page.run(
        """(() => {
          const all = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
            .filter((each) => each.checkVisibility());
          all.forEach((each, number) => { each.dataset.number = number; });
          return all.length;
        })()"""
    )
    seen = []
    for _ in range(controls):
        page.press("Tab")
        seen.append(
            page.run(
                """(() => {
                  const at = document.activeElement;
                  const shown = at.closest(".chip") ? at.nextElementSibling : at;
                  const style = getComputedStyle(shown);
                  const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                  return [Number(at.dataset.number), visible];
                })()"""
            )
        )
    assert controls > 50
    assert [number for number, _ in seen] == list(range(controls))
    assert [number for number, visible in seen if not visible] == []


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_the_page_itself_is_never_wider_than_the_screen(page: Page, width: int) -> None:
    page.look(width)
    assert page.run("document.documentElement.scrollWidth - innerWidth") <= 0


def test_on_paper_nothing_is_dark_and_nothing_is_closed(page: Page) -> None:
    page.look(760, dark=True, paper=True)
    page.run("document.documentElement.dataset.scheme = 'dark'; dispatchEvent(new Event('beforeprint'))")
    dark = """[...document.querySelectorAll("body, body *")].filter((each) => {
        const found = getComputedStyle(each).backgroundColor.match(/[\\d.]+/g).map(Number);
        return each.checkVisibility() && (found[3] ?? 1) > 0.5 && Math.max(...found.slice(0, 3)) < 128;
      }).map((each) => each.className || each.tagName).join()"""
    assert page.run(dark) == ""
    assert page.run("document.querySelectorAll('details.failure:not([open])').length") == 0
    wide = """[...document.querySelectorAll("main *")].filter((each) => each.checkVisibility()
        && !each.closest(".hush, svg") && each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.closest("section")?.id + " " + (each.className || each.tagName)).join()"""
    assert page.run(wide) == ""
    assert page.printed().startswith(b"%PDF-")
