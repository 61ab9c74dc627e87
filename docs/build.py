"""Makes the documentation as a site: `python docs/build.py FOLDER`, then open FOLDER/index.html.

The pages are copied, those of the reference completed from the code, and Sphinx makes HTML of them; any warning, such
as for a link that leads nowhere, is an error. Needs the extra `docs`, and no network.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import build_main

from door.reference.pages import complete

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def build(site: Path) -> int:
    """Write the site into a folder and return Sphinx's exit code."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = work / "docs"
        shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("__pycache__"))
        for page in source.rglob("*.md"):
            original = DOCS / page.relative_to(source)
            page.write_text(_kept_inside(page.read_text("utf-8"), original), "utf-8")
        complete(source / "reference")
        quiet = ["-q", "-W", "--keep-going", "-j", "2"]
        return build_main([*quiet, "-b", "html", "-d", str(work / "doctrees"), str(source), str(site)])


def _kept_inside(text: str, page: Path) -> str:
    """Return a page whose links to what no site holds, such as a folder of the repository, are its name instead."""

    def kept(match: re.Match[str]) -> str:
        target = (page.parent / match[2]).resolve()
        if target.is_relative_to(DOCS) and target.is_file():
            return match[0]
        if not target.exists():
            return match[0]  # for Sphinx to complain about
        place = f"`{target.relative_to(ROOT)}`"
        return place if match[1].strip("`") in match[2] else f"{match[1]} ({place})"

    return _LINK.sub(kept, text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("where to? python docs/build.py FOLDER")
    sys.exit(build(Path(sys.argv[1])))
