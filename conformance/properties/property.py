"""What a property is: a name, the requirements it stands on, and the cases it makes for a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hypothesis.strategies import SearchStrategy

from conformance.properties.case import Case
from conformance.surface import Surface
from reference_impl.protocol.revisions import Revision

__all__ = ["Ground", "Property"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What cases are made for: a revision, and what the target offers and declares at it.

    `dual_era` says that it serves the other era as well.
    """

    revision: Revision
    surface: Surface
    capabilities: dict[str, object]
    transport: str
    dual_era: bool = False


def _none(_: Ground) -> Iterable[Case]:
    return ()


@dataclass(frozen=True, slots=True)
class Property:
    """One property: `cases` returns the strategy of its cases.

    `cases` raises `Blocked` or `Inapplicable` where there is nothing to generate from; `known` returns cases that broke
    other targets, which are tried first and as they are.
    """

    id: str
    requirements: tuple[str, ...]
    title: str
    cases: Callable[[Ground], SearchStrategy[Case]]
    known: Callable[[Ground], Iterable[Case]] = _none
