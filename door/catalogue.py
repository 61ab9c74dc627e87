"""`list` and `explain`: what Touchstone checks, and on whose word."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from conformance.catalogue import Requirement, load
from conformance.check import Check, Monitor, all_checks, all_monitors
from conformance.clients.declare import all_judges
from door.errors import Exit, Refusal
from door.guessing import meant
from door.terminal import Terminal, write
from reference_impl.protocol.revisions import REVISIONS

if TYPE_CHECKING:
    from conformance.properties.property import Property
    from conformance.security.probe import Probe

__all__ = [
    "COMMANDS",
    "Item",
    "all_ids",
    "explain_id",
    "items",
    "list_checks",
    "need_known",
    "need_revisions",
    "window",
]


@dataclass(frozen=True, slots=True)
class Item:
    """Something that judges: its kind, the sentence that holds for a correct target, and the rows it stands on."""

    id: str
    kind: str
    title: str
    requirements: tuple[Requirement, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "requirements": [_requirement_json(row) for row in self.requirements],
        }


def _properties() -> tuple[Property, ...]:
    from conformance.properties.every import PROPERTIES

    return PROPERTIES


def _probes() -> tuple[Probe, ...]:
    from conformance.security.probes import PROBES

    return PROBES


def _client_judges() -> tuple[Monitor, ...]:
    return tuple(judge.monitor for judge in all_judges())


_KINDS: dict[str, Callable[[], Sequence[Check | Monitor | Property | Probe]]] = {
    "check": all_checks,
    "monitor": all_monitors,
    "property": _properties,
    "probe": _probes,
    "client": _client_judges,
}


def items() -> Iterator[Item]:
    """Yield everything that judges, by kind."""
    rows = load()
    for kind, declared in _KINDS.items():
        for item in declared():
            yield Item(item.id, kind, item.title, tuple(rows[name] for name in item.requirements))


def all_ids(*kinds: str) -> list[str]:
    """Return the ids of everything of these kinds; without one of everything that judges, servers and clients."""
    return [item.id for kind in kinds or _KINDS for item in _KINDS[kind]()]


def need_known(patterns: Iterable[str], *kinds: str) -> None:
    """Make sure that each pattern names something of these kinds. Raises `Refusal` if one does not."""
    wanted = list(patterns)
    known = all_ids(*kinds) if wanted else []  # to know them all means to import them all
    for pattern in wanted:
        if not fnmatch.filter(known, pattern):
            raise Refusal(f"no {' or '.join(kinds)} is called {pattern!r}{meant(pattern, known, _LIST)}")


def need_revisions(names: Iterable[str]) -> None:
    """Make sure that each name is that of a revision. Raises `Refusal` if one is not."""
    known = [revision.name for revision in REVISIONS]
    for name in names:
        if name not in known:
            raise Refusal(f"{name} is no revision{meant(name, known)}; known are {', '.join(known)}".replace("?;", "?"))


def list_checks(pattern: str, as_json: bool) -> int:
    """Print the checks, monitors and properties whose id matches a pattern. Raises `Refusal` if there is none."""
    found = sorted((item for item in items() if fnmatch.fnmatchcase(item.id, pattern)), key=lambda item: item.id)
    if not found:
        raise Refusal(f"no check is called {pattern!r}{meant(pattern, (item.id for item in items()), _LIST)}")
    if as_json:
        return _print_json([item.as_json() for item in found])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "level", "what holds for a correct target"):
        table.add_column(column, overflow="fold")
    for item in found:
        table.add_row(item.id, item.requirements[0].level, item.title)
    console = Terminal()
    console.print(table)
    console.print(
        f"\n{len(found)} checks, monitors and properties. `touchstone explain ID` says more of one.", highlight=False
    )
    return Exit.PASSED


def explain_id(identifier: str, as_json: bool) -> int:
    """Print what is known of a check, monitor, property or requirement. Raises `Refusal` for an unknown id."""
    item = next((item for item in items() if item.id == identifier), None)
    row = load().rows.get(identifier)
    if item is None and row is None:
        known = [*(item.id for item in items()), *load().rows]
        close = [name for name in known if identifier in name][:3]
        hint = f"; did you mean {' or '.join(close)}?" if close else meant(identifier, known, _LIST)
        raise Refusal(f"nothing is called {identifier!r}{hint}")
    if item is not None:
        return _print_json(item.as_json()) if as_json else _explain_item(item)
    assert row is not None
    verified = [item.id for item in items() if row in item.requirements]
    if as_json:
        return _print_json({**_requirement_json(row), "checks": verified})
    console = Terminal(highlight=False)
    _print_requirement(console, row)
    _print_verification(console, row, verified)
    return Exit.PASSED


def _print_verification(console: Terminal, row: Requirement, verified: list[str]) -> None:
    if verified or not row.untestable:
        console.print(f"  verified by {', '.join(verified) or 'nothing yet'}", markup=False)
    for side, reason in row.untestable.items():
        console.print(f"  not to be tested on the {side}: {reason}", markup=False)


_LIST = "; `touchstone list` shows all"
COMMANDS = {"property": ("fuzz", "TARGET"), "probe": ("fuzz --active", "TARGET"), "client": ("client", "-- COMMAND")}
"""What runs a kind of judge alone, and on what; anything else is a check of a TARGET."""


def _explain_item(item: Item) -> int:
    console = Terminal(highlight=False)
    console.print(f"{item.id} ({item.kind})\n  {item.title}\n", markup=False)
    for row in item.requirements:
        _print_requirement(console, row)
    command, target = COMMANDS.get(item.kind, ("check", "TARGET"))
    console.print(f"\nRun it alone: touchstone {command} --only {item.id} {target}", markup=False)
    return Exit.PASSED


def _print_requirement(console: Terminal, row: Requirement) -> None:
    console.print(f"{row.level}  {row.text}\n  {row.id}, {window(row)}, over {row.transport} transport", markup=False)
    newest = [revision for revision in REVISIONS if revision in row.window][-1]
    if url := row.url(newest):
        console.print(f"  {url}", markup=False, soft_wrap=True)


def window(row: Requirement) -> str:
    """Return the revisions that a row binds."""
    names = [revision.name for revision in REVISIONS if revision in row.window]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _requirement_json(row: Requirement) -> dict[str, Any]:
    return {
        "id": row.id,
        "level": row.level,
        "role": row.role,
        "testable": row.testable,
        "untestable": dict(row.untestable),
        "text": row.text,
        "page": row.page,
        "revisions": [revision.name for revision in REVISIONS if revision in row.window],
        "transport": row.transport,
        "requires": row.requires,
    }


def _print_json(value: Any) -> int:
    write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    return Exit.PASSED
