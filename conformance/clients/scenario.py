"""What a client meets: the ways in which our scripted server behaves, as data.

A client is steered by the server alone, so that one without fixture code is judged on whatever it does.
"""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.protocol.revisions import Revision

__all__ = ["PLAIN", "REFUSED_VERSION", "SCENARIOS", "SESSION_LOST", "STREAM", "UNKNOWN_VERSION", "Scenario", "bound"]

PLAIN = "plain"
STREAM = "stream"
UNKNOWN_VERSION = "unknown-version"
SESSION_LOST = "session-lost"
REFUSED_VERSION = "refused-version"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One script.

    `era` and `transport` say where it is played ("any": everywhere). `streams`: requests are answered by streams of
    events. `asks`: the server puts questions of its own before it answers the first `tools/list`. `names`: the version
    that it names, whatever it is offered (None: the revision played). `loses_session`: the first request after the
    handshake is answered with HTTP 404.
    """

    name: str
    era: str = "any"
    transport: str = "any"
    streams: bool = False
    asks: bool = False
    names: str | None = None
    loses_session: bool = False

    def played(self, revision: Revision, transport: str) -> bool:
        """Whether it is played in a revision over a transport."""
        return self.era in ("any", revision.era.value) and self.transport in ("any", transport)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(PLAIN),
    Scenario(STREAM, streams=True, asks=True),
    Scenario(UNKNOWN_VERSION, era="legacy", names="1999-01-01"),
    Scenario(SESSION_LOST, era="legacy", transport="http", loses_session=True),
    Scenario(REFUSED_VERSION, era="modern", names="2099-12-31"),
)
"""The first is played for every revision, to see which of them the client speaks."""


def bound(revision: Revision, transport: str) -> tuple[Scenario, ...]:
    """Return the scenarios for a revision over a transport, the plain one first."""
    return tuple(scenario for scenario in SCENARIOS if scenario.played(revision, transport))
