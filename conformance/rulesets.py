"""Sets of rules: which checks there were at a release, and how strong each was, for gates that pin one.

A release writes its set (`python -m conformance.rulesets YYYY.MM`) and never changes it again. Who pins a set is judged
by no check that came later, and by none more strictly than it was judged then.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from conformance.catalogue import LEVELS, load

if TYPE_CHECKING:
    from conformance.check import Check, Monitor
    from conformance.properties.property import Property
    from conformance.security.probe import Probe

__all__ = ["RuleSet", "current", "named", "names"]

_SETS = files("conformance") / "rules"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What a target is judged by: the level of each check, monitor, property, probe and judge of clients, by its id."""

    name: str
    levels: Mapping[str, str]

    def level(self, check: str, level: str) -> str | None:
        """Return the weaker of a level and that of the check in this set; None for a check that is none of it."""
        pinned = self.levels.get(check)
        return None if pinned is None else max(pinned, level, key=LEVELS.index)


def names() -> tuple[str, ...]:
    """Return the names of all sets, the newest last."""
    found = (item.name.removesuffix(".json") for item in _SETS.iterdir() if item.name.endswith(".json"))
    return tuple(sorted(found))


def named(name: str) -> RuleSet:
    """Return a set. Raises LookupError if there is none of that name."""
    if name not in names():
        raise LookupError(f"there are no rules {name!r}; there are {', '.join(names())}")
    return RuleSet(name, msgspec.json.decode((_SETS / f"{name}.json").read_bytes(), type=dict[str, str]))


@cache
def current() -> Mapping[str, str]:
    """Return the level of everything that this version judges by, by its id."""
    from conformance.check import all_checks, all_monitors
    from conformance.clients.declare import all_judges
    from conformance.properties.every import PROPERTIES
    from conformance.security.probes import PROBES

    judges = (judge.monitor for judge in all_judges())
    items: tuple[Check | Monitor | Property | Probe, ...] = (
        *all_checks(),
        *all_monitors(),
        *PROPERTIES,
        *PROBES,
        *judges,
    )
    rows = {row.id: row.level for row in load()}
    return {item.id: _strongest(rows[name] for name in item.requirements) for item in items}


def _strongest(levels: Iterable[str]) -> str:
    return min(levels, key=LEVELS.index)


def main(name: str) -> None:
    """Write the set of this version."""
    text = json.dumps(dict(current()), indent=0, sort_keys=True)
    Path(str(_SETS / f"{name}.json")).write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
