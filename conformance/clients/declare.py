"""How a judge of clients is declared: a monitor of all that a client said, or of what it said in one scenario."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from conformance.check import Monitor, MonitorBody
from conformance.expect import Mismatch
from conformance.transcript import Conversation

__all__ = ["ClientJudge", "Twins", "all_judges", "compared", "judge", "judged_by"]


Twins = Mapping[str, Sequence[Conversation]]
"""Conversations of the scenarios that a judge names, by scenario, in the order of the client's starts."""
CompareBody = Callable[[Conversation, Twins], Iterator[Mismatch | None]]


@dataclass(frozen=True, slots=True)
class ClientJudge:
    """One judge. `scenarios` are the only ones whose conversations it sees (none: it sees all that are not apart).
    `compare`, where it has one, is its body: it judges the conversations of the last of them by those of all."""

    monitor: Monitor
    scenarios: tuple[str, ...] = ()
    compare: CompareBody | None = None


_judges: dict[str, ClientJudge] = {}


def judge(
    identifier: str, *requirements: str, scenario: str | tuple[str, ...] = ()
) -> Callable[[MonitorBody], MonitorBody]:
    """Declare a judge of clients: its stable id, then the ids of the requirements that it verifies."""

    def declare(body: MonitorBody) -> MonitorBody:
        judged_by(identifier, body, *requirements, scenario=scenario)
        return body

    return declare


def compared(identifier: str, *requirements: str, scenarios: tuple[str, ...]) -> Callable[[CompareBody], CompareBody]:
    """Declare a judge that sees the conversations of several scenarios side by side."""

    def declare(body: CompareBody) -> CompareBody:
        monitor = Monitor(identifier, requirements, lambda _: iter(()), _sentence(body))
        _add(ClientJudge(monitor, scenarios, body))
        return body

    return declare


def judged_by(identifier: str, body: MonitorBody, *requirements: str, scenario: str | tuple[str, ...] = ()) -> None:
    """Declare a judge whose body judges others too. Its docstring says in one sentence what holds."""
    scenarios = (scenario,) if isinstance(scenario, str) else scenario
    _add(ClientJudge(Monitor(identifier, requirements, body, _sentence(body)), scenarios))


def _add(judge: ClientJudge) -> None:
    if judge.monitor.id in _judges:
        raise ValueError(f"{judge.monitor.id} is declared twice")
    _judges[judge.monitor.id] = judge


def _sentence(body: Callable[..., object]) -> str:
    return " ".join((body.__doc__ or "").split("\n\n", maxsplit=1)[0].split())


@cache
def all_judges() -> tuple[ClientJudge, ...]:
    """Every declared judge of clients, in the order of their files and lines."""
    package = "conformance.clients.judges"
    for name in sorted(info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)):
        importlib.import_module(f"{package}.{name}")
    return tuple(_judges.values())
