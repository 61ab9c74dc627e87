"""Tables as rows of texts, their spans filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reference_impl.servers.web.tree import Element
from reference_impl.servers.web.visible import is_hidden, visible_text

__all__ = ["Table", "is_layout", "read_table"]

_MOST_COLUMNS = 100
_MOST_ROWS = 2000
_MOST_SPANNED_ROWS = 200
_SECTIONS = ("thead", "tbody", "tfoot")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the same length. `headings` is the number of rows on top that are headings, `cut` says that there were
    more rows."""

    caption: str
    rows: list[list[str]]
    headings: int
    cut: bool


def is_layout(table: Element) -> bool:
    """Tell whether a table only arranges a page: it holds other tables, or has a single cell."""
    if table.attributes.get("role") in ("presentation", "none"):
        return True
    cells = 0
    for element in table.elements():
        if element.name == "table" and element is not table:
            return True
        cells += element.name in ("td", "th")
    return cells < 2


def read_table(table: Element, write: Callable[[Element], str] = visible_text) -> Table:
    """Return what a table says; `write` makes text of a cell."""
    caption, found = "", []
    for child in table.children:
        if isinstance(child, str) or is_hidden(child):
            continue
        if child.name == "caption":
            caption = caption or visible_text(child)
        found += [(row, child.name == "thead") for row in _rows(child)]
    rows, filler = [], _Filler()
    for row, _ in found[:_MOST_ROWS]:
        rows.append(filler.row(_cells(row), write))
    width = max((len(row) for row in rows), default=0)
    headings = 0
    for row, in_head in found[: len(rows)]:
        if not in_head and not (headings == 0 and _all_headings(row)):
            break
        headings += 1
    return Table(caption, [row + [""] * (width - len(row)) for row in rows], headings, len(found) > len(rows))


def _rows(child: Element) -> list[Element]:
    inside = child.children if child.name in _SECTIONS else [child]
    return [row for row in inside if not isinstance(row, str) and row.name == "tr" and not is_hidden(row)]


def _cells(row: Element) -> list[Element]:
    return [cell for cell in row.children if not isinstance(cell, str) and cell.name in ("td", "th")]


def _all_headings(row: Element) -> bool:
    cells = _cells(row)
    return bool(cells) and all(cell.name == "th" for cell in cells)


class _Filler:
    """Lays cells into a grid; what spans several places stands in each of them."""

    def __init__(self) -> None:
        self._pending: dict[int, tuple[int, str]] = {}

    def row(self, cells: list[Element], write: Callable[[Element], str]) -> list[str]:
        row: list[str] = []
        for cell in cells:
            self._from_above(row)
            text = "" if is_hidden(cell) else write(cell)
            down = _span(cell, "rowspan", _MOST_SPANNED_ROWS)
            for _ in range(_span(cell, "colspan", _MOST_COLUMNS)):
                if len(row) >= _MOST_COLUMNS:
                    return row
                if down > 1:
                    self._pending[len(row)] = (down - 1, text)
                row.append(text)
        self._from_above(row)
        return row

    def _from_above(self, row: list[str]) -> None:
        while len(row) in self._pending and len(row) < _MOST_COLUMNS:
            left, text = self._pending.pop(len(row))
            if left > 1:
                self._pending[len(row)] = (left - 1, text)
            row.append(text)


def _span(cell: Element, name: str, most: int) -> int:
    text = cell.attributes.get(name, "").strip()[:6]
    return min(max(int(text), 1), most) if text.isascii() and text.isdigit() else 1
