"""Pieces of Markdown: tables, and text that means nothing but itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["ORPHAN", "escaped", "link", "table"]

ORPHAN = "---\norphan: true\n---\n\n"
"""Begins a page that the navigation leaves out: with all of them in it, each page would list them all."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#$~])")


def escaped(text: str) -> str:
    """Return text with everything escaped that Markdown would take for markup."""
    return _MARKUP.sub(r"\\\1", text)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown in one line."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def link(text: str, address: str) -> str:
    """Return a link to an id of a page that is made too.

    It is HTML: the ids of checks have dots, which Markdown's own links to headings know nothing of.
    """
    return f'<a class="reference internal" href="{address}"><code>{text}</code></a>'
