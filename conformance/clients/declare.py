"""How a judge of clients is declared: a monitor of all that a client said, or of what it said in one scenario."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from conformance.check import Monitor, MonitorBody

__all__ = ["ClientJudge", "all_judges", "judge", "judged_by"]


@dataclass(frozen=True, slots=True)
class ClientJudge:
    """One judge. `scenario` is the only one whose conversations it sees (None: it sees all)."""

    monitor: Monitor
    scenario: str | None = None


_judges: dict[str, ClientJudge] = {}


def judge(identifier: str, *requirements: str, scenario: str | None = None) -> Callable[[MonitorBody], MonitorBody]:
    """Declare a judge of clients: its stable id, then the ids of the requirements that it verifies."""

    def declare(body: MonitorBody) -> MonitorBody:
        judged_by(identifier, body, *requirements, scenario=scenario)
        return body

    return declare


def judged_by(identifier: str, body: MonitorBody, *requirements: str, scenario: str | None = None) -> None:
    """Declare a judge whose body judges others too. Its docstring says in one sentence what holds."""
    if identifier in _judges:
        raise ValueError(f"{identifier} is declared twice")
    title = " ".join((body.__doc__ or "").split("\n\n", maxsplit=1)[0].split())
    _judges[identifier] = ClientJudge(Monitor(identifier, requirements, body, title), scenario)


@cache
def all_judges() -> tuple[ClientJudge, ...]:
    """Every declared judge of clients, in the order of their files and lines."""
    package = "conformance.clients.judges"
    for name in sorted(info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)):
        importlib.import_module(f"{package}.{name}")
    return tuple(_judges.values())
