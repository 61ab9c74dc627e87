"""A page as a tree: elements with their attributes, and texts; bounded in depth and in number.

Browsers' own rules can make a tree of gigabytes of a page of kilobytes (they open forgotten `<b>`s again in every
paragraph), and take time that grows with the square of its depth. Here an end tag ends what it can, each tag makes one
node at the most, and what lies too deep lies beside its parent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from reference_impl.servers.web.tokens import Close, Open, Text, tokens

__all__ = ["BLOCKS", "Element", "Tree", "parse"]

MOST_DEPTH = 100
MOST_TOKENS = 400_000
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "span", "strike", "strong", "tt", "u"}
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = _HEADINGS | {
    *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir", "div", "dl"),
    *("dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "li", "main", "menu"),
    *("nav", "ol", "optgroup", "option", "p", "pre", "search", "section", "summary", "table", "tbody", "td", "tfoot"),
    *("th", "thead", "tr", "ul", "caption", "html", "head", "title"),
}
"""Elements that stand on lines of their own."""
_ENDS_PARAGRAPH = BLOCKS - {
    *("td", "th", "tr", "tbody", "thead", "tfoot", "caption", "option", "optgroup", "body", "html", "head", "title")
}
_ROOMS = frozenset({"table", "td", "th", "caption", "template", "object", "marquee", "applet", "button", "svg", "math"})
"""What an end tag from inside does not reach beyond."""
_ROWS = frozenset({"tr", "td", "th"})
_SECTIONS = frozenset({"thead", "tbody", "tfoot"})
_STOPS = {
    "table": frozenset({"template"}),
    **dict.fromkeys(("tr", "td", "th", "tbody", "thead", "tfoot", "caption"), frozenset({"table"})),
}
"""Element to what its end tag does not reach beyond, where that is not the usual."""

_ENDED_BY: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "dir"}) | _ROOMS),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl"}) | _ROOMS),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl"}) | _ROOMS),
    "td": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "th": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "tr": (_ROWS | {"caption"}, frozenset({"table"})),
    **dict.fromkeys(_SECTIONS, (_ROWS | _SECTIONS | {"caption"}, frozenset({"table"}))),
    "option": (frozenset({"option"}), frozenset({"select", "datalist"})),
    "optgroup": (frozenset({"option", "optgroup"}), frozenset({"select"})),
    "a": (frozenset({"a"}), _ROOMS),
    "body": (frozenset({"head", "title"}), frozenset()),
}
"""Element to those that it ends by beginning, and to those beyond which it ends nothing."""


@dataclass(slots=True)
class Element:
    """An element and what it holds, in order. `holds_blocks` says that a block is among it, however deep."""

    name: str
    attributes: dict[str, str]
    depth: int = 0
    children: list[Element | str] = field(default_factory=list)
    holds_blocks: bool = False

    def elements(self) -> Iterator[Element]:
        """Yield this and all elements below, in the order of the page."""
        pending = [self]
        while pending:
            element = pending.pop()
            yield element
            pending += [child for child in reversed(element.children) if not isinstance(child, str)]

    def text(self) -> str:
        """Return all text below, as it stands there."""
        parts: list[str] = []
        pending: list[Element | str] = [self]
        while pending:
            node = pending.pop()
            if isinstance(node, str):
                parts.append(node)
            else:
                pending += reversed(node.children)
        return "".join(parts)

    def words(self) -> str:
        """Return all text below on one line."""
        return " ".join(self.text().split())


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed page. `cut` says that it had more than is kept."""

    root: Element
    cut: bool

    def first(self, name: str) -> Element | None:
        """Return the first element of a name."""
        return next((element for element in self.root.elements() if element.name == name), None)


def parse(html: str) -> Tree:
    """Return the tree of a page. Never fails."""
    builder = _Builder()
    for count, token in enumerate(tokens(html)):
        if count >= MOST_TOKENS:
            return Tree(builder.root, cut=True)
        match token:
            case Text(value):
                builder.text(value)
            case Open(name, attributes, ends):
                builder.open(name, attributes, ends=ends)
            case Close(name):
                builder.close(name)
    return Tree(builder.root, cut=False)


class _Builder:
    def __init__(self) -> None:
        self.root = Element("#root", {})
        self._stack = [self.root]

    def text(self, value: str) -> None:
        self._stack[-1].children.append(value)

    def open(self, name: str, attributes: dict[str, str], *, ends: bool) -> None:
        if name in _ENDS_PARAGRAPH:
            self._end(frozenset({"p"}), _ROOMS)
        if name in _HEADINGS:
            self._end(_HEADINGS, _ROOMS)
        if name in _ENDED_BY:
            self._end(*_ENDED_BY[name])
        parent = self._stack[-1]
        element = Element(name, attributes, parent.depth + 1)
        parent.children.append(element)
        if name in BLOCKS:
            self._tell_of_block()
        foreign = ends and any(item.name in ("svg", "math") for item in self._stack[-4:])
        if name not in _VOID and not foreign and element.depth < MOST_DEPTH:
            self._stack.append(element)

    def _tell_of_block(self) -> None:
        for element in reversed(self._stack):
            if element.holds_blocks:
                return
            element.holds_blocks = True

    def close(self, name: str) -> None:
        if name == "br":
            self.open(name, {}, ends=False)
            return
        names = _HEADINGS if name in _HEADINGS else {name}
        stop = _STOPS.get(name, _ROOMS)
        for index in range(len(self._stack) - 1, 0, -1):
            open_name = self._stack[index].name
            if open_name in names:
                self._leave(index, alone=name in _FORMATTING)
                return
            if open_name in stop:
                break
        if name == "p":
            self.open(name, {}, ends=False)  # an end without a beginning is both
            self._stack = self._stack[:-1] if self._stack[-1].name == "p" else self._stack

    def _leave(self, index: int, *, alone: bool) -> None:
        """End an open element and what is in it; a formatting element goes `alone` if blocks began in it."""
        alone = alone and any(item.name in BLOCKS for item in self._stack[index + 1 :])
        del self._stack[index : index + 1 if alone else None]

    def _end(self, names: frozenset[str], stop: frozenset[str]) -> None:
        """End the outermost open element among `names` that no element of `stop` encloses."""
        found = 0
        for index in range(len(self._stack) - 1, 0, -1):
            name = self._stack[index].name
            if name in names:
                found = index
            if name in stop:
                break
        if found:
            del self._stack[found:]
