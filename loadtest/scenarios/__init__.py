"""The scenarios, one file each. To add one, write a file like `steady` and give it a row here."""

from __future__ import annotations

from loadtest.knowing import known
from loadtest.scenario import Scenario
from loadtest.scenarios.authorized import AUTHORIZED
from loadtest.scenarios.churn import CHURN
from loadtest.scenarios.cold import COLD
from loadtest.scenarios.discovery import DISCOVERY
from loadtest.scenarios.first_calls import FIRST_CALLS
from loadtest.scenarios.isolation import ISOLATION
from loadtest.scenarios.long_calls import LONG_CALLS
from loadtest.scenarios.mix import MIX
from loadtest.scenarios.neighbour import NEIGHBOUR
from loadtest.scenarios.payload import PAYLOAD
from loadtest.scenarios.replay import REPLAY
from loadtest.scenarios.restart import RESTART
from loadtest.scenarios.rounds import ROUNDS
from loadtest.scenarios.soak import SOAK
from loadtest.scenarios.stateless import STATELESS
from loadtest.scenarios.steady import STEADY
from loadtest.scenarios.streams import STREAMS

__all__ = ["MIX", "SCENARIOS", "STEADY", "scenario_named"]

SCENARIOS: tuple[Scenario, ...] = (
    STEADY,
    MIX,
    STATELESS,
    DISCOVERY,
    CHURN,
    COLD,
    PAYLOAD,
    LONG_CALLS,
    ROUNDS,
    AUTHORIZED,
    ISOLATION,
    NEIGHBOUR,
    FIRST_CALLS,
    STREAMS,
    SOAK,
    RESTART,
    REPLAY,
)
"""In the order in which a newcomer would try them."""


def scenario_named(name: str) -> Scenario:
    """Return a scenario. Raises ValueError, in one line, for a name that none has."""
    found = next((each for each in SCENARIOS if each.name == name), None)
    if found is None:
        raise ValueError(f"no scenario is called {name!r}{known(name, [each.name for each in SCENARIOS])}")
    return found
