"""What a target is judged by: checks, monitors, and the rows of the catalogue that they stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.catalogue import Catalogue
from conformance.catalogue import load as load_catalogue
from conformance.check import Check, Monitor, all_checks, all_monitors
from reference_impl.protocol.revisions import Revision

__all__ = ["Suite", "declared"]


@dataclass(frozen=True, slots=True)
class Suite:
    """Checks and monitors in the order in which they are reported."""

    checks: tuple[Check, ...]
    monitors: tuple[Monitor, ...]
    catalogue: Catalogue

    def binding(self, revision: Revision, transport: str, wanted: Callable[[str], bool]) -> Suite:
        """Return those whose id is wanted and of whose requirements one at least binds."""

        def binds(item: Check | Monitor) -> bool:
            return wanted(item.id) and bool(self.catalogue.binding(item.requirements, revision, transport))

        checks = tuple(item for item in self.checks if binds(item))
        return Suite(checks, tuple(item for item in self.monitors if binds(item)), self.catalogue)

    def __len__(self) -> int:
        return len(self.checks) + len(self.monitors)


def declared() -> Suite:
    """Return all that Touchstone has. Raises `CatalogueError` if a row of the catalogue is wrong."""
    return Suite(all_checks(), all_monitors(), load_catalogue())
