"""What a check and a monitor are, and how they are declared.

A check is a small async function of a `Peer`; a monitor is a generator over a `Conversation`. Both name the rows of
the catalogue that they verify and say in their docstring, in one sentence, what holds for a correct target.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from conformance.expect import Mismatch
from conformance.transcript import Conversation

if TYPE_CHECKING:
    from conformance.bench import Bench
    from conformance.peer import Peer

__all__ = ["Check", "Monitor", "Sharing", "all_checks", "all_monitors", "check", "monitor"]


CheckBody = Callable[["Peer"], Awaitable[None]]
MonitorBody = Callable[[Conversation], Iterator[Mismatch | None]]
Excuse = Callable[["Bench"], str | None]
"""Says why a check is nothing for a target, as far as it is known before a connection is opened for the check."""


def _none(_: Bench) -> None:
    """Excuse nobody."""


class Sharing(Enum):
    """What connection a check needs."""

    SHARED = "shared"
    """Any open conversation; other checks speak on it at the same time."""
    AFTER = "after"
    """An open conversation, when all that share one are done: what the check changes, others would see."""
    ALONE = "alone"
    """An open conversation that nobody else uses meanwhile; a later check may inherit it."""
    FRESH = "fresh"
    """A conversation of its own, just opened (on stdio: a process of its own)."""
    UNOPENED = "unopened"
    """A connection of its own on which nothing was said yet."""
    ENDING = "ending"
    """An open conversation whose process the check ends; others used it before."""
    OUTSIDE = "outside"
    """A connection of its own on which nothing was said, also to a target that lets nobody in without a token."""
    LAST = "last"
    """A conversation of its own after all other checks; that it cannot be opened any more is the failure."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: one verdict for each revision that its requirements bind.

    `waits`: it spends its time waiting for nothing to come, so that it begins before others, which fill the wait.
    """

    id: str
    requirements: tuple[str, ...]
    sharing: Sharing
    body: CheckBody
    title: str
    excuse: Excuse = _none
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Monitor:
    """One judge of all traffic.

    `body` yields None for each piece of traffic that it judged right, and a `Mismatch` for each that it judged wrong;
    one that yields nothing saw no such traffic.
    """

    id: str
    requirements: tuple[str, ...]
    body: MonitorBody
    title: str


Row = TypeVar("Row", Check, Monitor)

_checks: dict[str, Check] = {}
_monitors: dict[str, Monitor] = {}


def check(
    identifier: str,
    *requirements: str,
    sharing: Sharing = Sharing.SHARED,
    excuse: Excuse = _none,
    waits: bool = False,
) -> Callable[[CheckBody], CheckBody]:
    """Declare a check: its stable id, then the ids of the requirements that it verifies."""

    def declare(body: CheckBody) -> CheckBody:
        _add(_checks, identifier, Check(identifier, requirements, sharing, body, _sentence(body), excuse, waits))
        return body

    return declare


def monitor(identifier: str, *requirements: str) -> Callable[[MonitorBody], MonitorBody]:
    """Declare a monitor: its stable id, then the ids of the requirements that it verifies."""

    def declare(body: MonitorBody) -> MonitorBody:
        _add(_monitors, identifier, Monitor(identifier, requirements, body, _sentence(body)))
        return body

    return declare


def _add(table: dict[str, Row], identifier: str, row: Row) -> None:
    if identifier in _checks or identifier in _monitors:
        raise ValueError(f"{identifier} is declared twice")
    table[identifier] = row


def _sentence(body: Callable[..., object]) -> str:
    return " ".join((body.__doc__ or "").split("\n\n", maxsplit=1)[0].split())


@cache
def all_checks() -> tuple[Check, ...]:
    """Every declared check of servers, in the order of their files and lines."""
    _import_all("conformance.checks.server")
    return tuple(_checks.values())


@cache
def all_monitors() -> tuple[Monitor, ...]:
    """Every declared monitor."""
    _import_all("conformance.monitors")
    return tuple(_monitors.values())


def _import_all(package: str) -> None:
    path = importlib.import_module(package).__path__
    for module in sorted(info.name for info in pkgutil.iter_modules(path)):
        importlib.import_module(f"{package}.{module}")
