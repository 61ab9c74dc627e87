"""The catalogue of requirements, a page an area, and how much of it is checked."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.catalogue import Requirement, load
from door.catalogue import items
from door.coverage import count
from door.reference.areas import area_of, titled
from door.reference.markdown import ORPHAN, escaped, link, table
from reference_impl.protocol.revisions import REVISIONS

__all__ = ["render_areas_of_requirements", "render_coverage", "requirement_pages"]


def _areas() -> dict[str, list[Requirement]]:
    areas: dict[str, list[Requirement]] = {}
    for row in sorted(load(), key=lambda each: each.id):
        areas.setdefault(area_of(row.id), []).append(row)
    return dict(sorted(areas.items(), key=lambda each: titled(each[0])))


def _judges() -> dict[str, list[str]]:
    """Return what verifies each requirement."""
    judges: dict[str, list[str]] = {}
    for item in items():
        for row in item.requirements:
            judges.setdefault(row.id, []).append(item.id)
    return judges


def requirement_pages() -> Iterator[tuple[str, str]]:
    """Yield the name of each page and what it says."""
    judges = _judges()
    for area, rows in _areas().items():
        entries = (_entry(row, judges.get(row.id, [])) for row in rows)
        yield (
            area,
            f"{ORPHAN}# {titled(area)}: what is required\n\n[All areas](../requirements.md)\n\n" + "\n".join(entries),
        )


def render_areas_of_requirements() -> str:
    """Return a table of the pages: how many rows each has, and how many of them something verifies."""
    judges = _judges()
    rows = [
        (f"[{titled(area)}](requirements/{area}.md)", str(len(found)), str(sum(row.id in judges for row in found)))
        for area, found in _areas().items()
    ]
    return table(("area", "rows", "verified"), rows)


def render_coverage() -> str:
    """Return the rows of each revision, side and level, how many can be tested and how many are."""
    counted = [
        (row.revision, row.role, row.level, str(row.bound), str(row.testable), str(row.covered)) for row in count()
    ]
    return table(("revision", "role", "level", "rows", "testable", "checked"), counted)


def _entry(row: Requirement, judges: list[str]) -> str:
    over = "" if row.transport == "any" else f" · over {row.transport}"
    needs = "" if row.requires is None else f" · where `{row.requires}` is declared"
    facts = f"**{row.level}** · {', '.join(row.sides)}{over}{needs}"
    lines = [
        f"## `{row.id}`\n",
        f"{escaped(row.text)}\n",
        f"{facts}\n",
        f"{_pages(row)}\n",
        *_verified(row, judges),
        "",
    ]
    return "\n".join(lines)


def _pages(row: Requirement) -> str:
    bound = [revision for revision in REVISIONS if revision in row.window]
    addresses = {revision.name: row.url(revision) for revision in bound}
    if None in addresses.values():
        return f"Advice from the field, which no page of the specification gives: {', '.join(addresses)}"
    # An extension and a proposal have one page for several revisions.
    named: dict[str, list[str]] = {}
    for name, address in addresses.items():
        named.setdefault(str(address), []).append(name)
    return "Specification: " + ", ".join(f"[{', '.join(names)}]({address})" for address, names in named.items())


def _verified(row: Requirement, judges: list[str]) -> Iterator[str]:
    if judges:
        places = (link(name, f"../checks/{area_of(name)}.html#{name}") for name in judges)
        yield f"Verified by {', '.join(places)}\n"
    elif not row.untestable:
        yield "Verified by nothing yet\n"
    for side, reason in row.untestable.items():
        yield f"Not to be tested on the {side}: {escaped(reason)}\n"
