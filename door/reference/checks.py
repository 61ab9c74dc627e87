"""Everything that judges, a page an area: its sentence, when it binds, on whose word, and the command that runs it."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.catalogue import Requirement
from door.catalogue import COMMANDS, Item, items, window
from door.reference.areas import area_of, titled
from door.reference.markdown import ORPHAN, escaped, link, table

__all__ = ["check_pages", "render_areas_of_checks"]

_KINDS = {
    "check": "Check of servers",
    "monitor": "Monitor of servers",
    "property": "Property",
    "probe": "Security probe",
    "client": "Judge of clients",
}


def _areas() -> dict[str, list[Item]]:
    areas: dict[str, list[Item]] = {}
    for item in sorted(items(), key=lambda each: each.id):
        areas.setdefault(area_of(item.id), []).append(item)
    return dict(sorted(areas.items(), key=lambda each: titled(each[0])))


def check_pages() -> Iterator[tuple[str, str]]:
    """Yield the name of each page and what it says."""
    for area, found in _areas().items():
        yield (
            area,
            f"{ORPHAN}# {titled(area)}: what is checked\n\n[All areas](../checks.md)\n\n"
            + "\n".join(map(_entry, found)),
        )


def render_areas_of_checks() -> str:
    """Return a table of the pages."""
    rows = [
        (f"[{titled(area)}](checks/{area}.md)", str(len(found)), ", ".join(_kinds(found)))
        for area, found in _areas().items()
    ]
    return table(("area", "how many", "which are"), rows)


def _kinds(found: list[Item]) -> Iterator[str]:
    for kind, words in _KINDS.items():
        if any(item.kind == kind for item in found):
            yield words.lower()


def _entry(item: Item) -> str:
    command, target = COMMANDS.get(item.kind, ("check", "TARGET"))
    lines = [
        f"## `{item.id}`\n",
        f"{escaped(item.title)}\n",
        f"{_KINDS[item.kind]} · `touchstone {command} --only {item.id} {target}`\n",
        *map(_row, item.requirements),
        "",
    ]
    return "\n".join(lines)


def _row(row: Requirement) -> str:
    where = link(row.id, f"../requirements/{area_of(row.id)}.html#{row.id}")
    return f"- **{row.level}** {escaped(row.text)}<br>{where} · {_binding(row)}"


def _binding(row: Requirement) -> str:
    over = "" if row.transport == "any" else f" · over {row.transport}"
    needs = "" if row.requires is None else f" · where `{row.requires}` is declared"
    return f"{window(row)}{over}{needs}"
