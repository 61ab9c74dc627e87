"""Words of strangers in Markdown: shown as they are, so that nothing in them is markup, a link, or a call to somebody.

Everything is escaped as HTML escapes it, which holds in a line of Markdown as well as within an element.
"""

import html
import re
from collections.abc import Iterable

from reports.text import visible

__all__ = ["code", "fenced", "prose", "table"]

_MARKUP = re.compile(r"[\\`*_\[\]!|~]")
_CODE = re.compile(r"`([^`\n]+)`")
_CALL = re.compile(r"((?:\w+://|www\.|@\w)\S*|\S*#\d\S*)")
"""What services turn into a link or a call by themselves, unless it is code: addresses, people, issues."""


def prose(text: str) -> str:
    """Return words within a sentence: one line, nothing of it obeyed; what stands between backticks is code."""
    parts = _CODE.split(_line(text))
    return "".join(code(part) if number % 2 else _spoken(part) for number, part in enumerate(parts))


def _spoken(text: str) -> str:
    parts = _CALL.split(text)
    return "".join(code(part) if number % 2 else _escaped(part) for number, part in enumerate(parts))


def code(text: str) -> str:
    """Return a text as code within a line."""
    return f"<code>{_escaped(_line(text))}</code>" if text.strip() else ""


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", html.escape(text, quote=False))


def _line(text: str) -> str:
    """Put a text on one line, with a space at either end where it had one: it may be a part of a sentence."""
    return re.sub(r"\s+", " ", visible(text))


def fenced(text: str, language: str = "") -> str:
    """Return a text as a block of code, behind a fence that is longer than any in it."""
    text = visible(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; the first column is text, the others are numbers."""
    names = [prose(name) for name in head]
    lines = [names, ["---", *("---:" for _ in names[1:])], *([prose(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
