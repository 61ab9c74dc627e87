"""A page as Markdown: what a reader would see of it, and nothing that a browser would run or load."""

from __future__ import annotations

import re

from reference_impl.servers.web.inline import Inline, on_one_line, paragraphs, strung
from reference_impl.servers.web.tables import is_layout, read_table
from reference_impl.servers.web.tree import BLOCKS, Element, Tree
from reference_impl.servers.web.urls import joined
from reference_impl.servers.web.visible import is_around, is_hidden, main_part

__all__ = ["base_of", "fenced", "to_markdown"]

_LINE_START = re.compile(
    r"^(\s*)(#{1,6}(?=\s|$)|[-+>](?=\s|$)|>|=+(?=\s*$)|-{2,}|~{3,}|(\d{1,9})([.)])(?=\s|$))", re.MULTILINE
)
_LANGUAGE = re.compile(r"(?:^|\s)(?:lang|language|highlight-source)-([A-Za-z0-9+#-]{1,20})")
_DEEPEST = 10
"""Lists and quotes inside each other that are shown as such."""
_BARE_PIPE = re.compile(r"(?<!\\)\|")
_LISTS = frozenset({"ul", "ol", "menu", "dir"})


def to_markdown(tree: Tree, url: str, *, main: bool = True) -> str:
    """Return a page found at `url` as Markdown; with `main`, what it is about without its menus and banners."""
    part = main_part(tree) if main else None
    writer = _Writer(Inline(base_of(tree, url)), frame=not main)
    writer.blocks(tree.root if part is None else part)
    return writer.finish()


def base_of(tree: Tree, url: str) -> str:
    """Return what a page's links are relative to."""
    base = tree.first("base")
    return (joined(url, base.attributes.get("href", "")) if base else "") or url


def fenced(text: str, language: str = "") -> str:
    """Return text as a block of code that nothing in it can end."""
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


class _Writer:
    """Writes block after block, each line after the signs of the lists and quotes that it is in."""

    def __init__(self, inline: Inline, *, frame: bool) -> None:
        self._inline = inline
        self._frame = frame
        self._lines: list[str] = []
        self._signs: list[str] = []
        self._first: list[str | None] = []
        """For each sign the one that stands in its place on the next line, once: the bullet of an item."""
        self._run: list[str] = []
        self._tight = True

    def finish(self) -> str:
        """Return all that was written."""
        self._flush()
        return "\n".join(self._lines).strip("\n")

    def blocks(self, element: Element) -> None:
        """Write what an element holds."""
        for child in element.children:
            if isinstance(child, str):
                self._run.append(self._inline.line(child))
            elif is_hidden(child) or (not self._frame and is_around(child)):
                continue
            elif child.name in BLOCKS or (child.holds_blocks and child.name != "a"):
                self._flush()
                self._block(child)
                self._flush()
            elif child.holds_blocks:
                self._flush()
                self._run.append(self._inline.line(child))
                self._flush()
            else:
                self._run.append(self._inline.line(child))

    def _block(self, element: Element) -> None:
        name = element.name
        if len(name) == 2 and name[0] == "h" and name[1] in "123456":
            self._heading(element, int(name[1]))
        elif name in _LISTS:
            self._list(element)
        elif name == "pre":
            self._code(element)
        elif name == "table" and not is_layout(element):
            self._table(element)
        elif name == "hr":
            self._put(["---"])
        elif name in ("blockquote", "dd"):
            self._within(element, "> " if name == "blockquote" else ": ", "> " if name == "blockquote" else "  ")
        elif name in ("dt", "summary", "caption"):
            text = on_one_line(self._inline.line(element))
            if text:
                self._put([_without_signs(text) if "**" in text else f"**{text}**"])
        else:
            self.blocks(element)

    def _heading(self, element: Element, level: int) -> None:
        text = on_one_line(self._inline.line(element))
        if text:
            self._put([f"{'#' * level} {text}"])

    def _list(self, element: Element) -> None:
        start = element.attributes.get("start", "")[:9]
        number = int(start) if start.isascii() and start.isdigit() else 1
        for child in element.children:
            if isinstance(child, str):
                self._run.append(self._inline.line(child))
            elif not is_hidden(child):
                self._flush()
                if child.name == "li":
                    sign = f"{number}. " if element.name == "ol" else "- "
                    number += 1
                    self._within(child, sign, " " * len(sign))
                else:
                    self._block(child)
                self._tight = True
        self._tight = False

    def _within(self, element: Element, first: str, rest: str) -> None:
        if len(self._signs) >= _DEEPEST:
            self.blocks(element)
            return
        self._signs.append(rest)
        self._first.append(first)
        self.blocks(element)
        self._flush()
        self._signs.pop()
        self._first.pop()

    def _code(self, element: Element) -> None:
        text = _shown(element).replace("\r\n", "\n").replace("\r", "\n").strip("\n")
        inside = [child for child in element.children if isinstance(child, Element)]
        classes = " ".join(item.attributes.get("class", "") for item in (element, *inside[:1]))
        found = _LANGUAGE.search(classes[:500])
        if text.strip():
            self._put(fenced(text, found[1] if found else "").split("\n"))

    def _table(self, element: Element) -> None:
        table = read_table(element, lambda cell: _BARE_PIPE.sub(r"\\|", on_one_line(self._inline.line(cell))))
        if table.caption:
            self._put([f"**{table.caption}**".replace("\n", " ")])
        if not any(any(row) for row in table.rows):
            return
        head, *body = table.rows if table.headings else [[""] * len(table.rows[0]), *table.rows]
        lines = [head, ["---"] * len(head), *body]
        self._put([f"| {' | '.join(line)} |" for line in lines])

    def _flush(self) -> None:
        """Write the line that has come together, as one paragraph or several."""
        found = paragraphs(strung(self._run))
        self._run.clear()
        for text in found:
            self._put(_without_signs(text).split("\n"))

    def _put(self, lines: list[str]) -> None:
        """Write the lines of a block after an empty one; none stands before an item that follows a line of a list."""
        first = any(sign is not None for sign in self._first)
        if self._lines and not (self._tight and first):
            self._lines.append("".join(self._signs[: self._signs_before()]).rstrip())
        for line in lines:
            signs = [sign if once is None else once for sign, once in zip(self._signs, self._first, strict=True)]
            self._first = [None] * len(self._first)
            self._lines.append(("".join(signs) + line).rstrip())
        self._tight = first

    def _signs_before(self) -> int:
        """How many of the signs an empty line before the next block has: those of what goes on."""
        return next((index for index, once in enumerate(self._first) if once is not None), len(self._first))


def _shown(element: Element) -> str:
    """Return the text of an element as it stands there, but for what is hidden and for buttons (to copy it, mostly)."""
    parts: list[str] = []
    pending: list[Element | str] = [element]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            parts.append(node)
        elif node.name == "br":
            parts.append("\n")
        elif node.name != "button" and not is_hidden(node):
            pending += reversed(node.children)
    return "".join(parts)


def _without_signs(text: str) -> str:
    return _LINE_START.sub(_unsigned, text)


def _unsigned(found: re.Match[str]) -> str:
    """Escape what would begin a heading, a list or a quote at the start of a line."""
    if found[3]:
        return f"{found[1]}{found[3]}\\{found[4]}"
    return f"{found[1]}\\{found[2]}"
