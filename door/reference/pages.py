"""Which pages are made, and where: some are completed behind a mark, those of the areas are written whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from door.reference.checks import check_pages, render_areas_of_checks
from door.reference.commands import render_commands
from door.reference.requirements import render_areas_of_requirements, render_coverage, requirement_pages
from door.reference.settings import render_settings

__all__ = ["COMPLETED", "MARK", "complete"]

MARK = "<!-- what follows is made when the site is built: tox -e docs -->"
COMPLETED: dict[str, Callable[[], str]] = {
    "commands": render_commands,
    "settings": render_settings,
    "checks": render_areas_of_checks,
    "requirements": render_areas_of_requirements,
    "coverage": render_coverage,
}
"""Pages of `docs/reference` that have a mark, and what stands behind it in the site."""


def complete(folder: Path) -> None:
    """Complete the pages of a copy of `docs/reference`. Raises `ValueError` for a page that has no mark."""
    for name, render in COMPLETED.items():
        page = folder / f"{name}.md"
        before, mark, _ = page.read_text("utf-8").partition(MARK)
        if not mark:
            raise ValueError(f"{page} has no line {MARK}")
        page.write_text(before + render(), "utf-8")
    for kind, pages in (("checks", check_pages()), ("requirements", requirement_pages())):
        (folder / kind).mkdir(exist_ok=True)
        for name, text in pages:
            (folder / kind / f"{name}.md").write_text(text, "utf-8")
