"""What our scripted servers say wrong they say on purpose: judges of servers find that in them, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from conformance.attempt import run_monitor
from conformance.check import all_monitors
from conformance.clients.scenario import Scenario, all_scenarios
from conformance.clients.visit import receive
from conformance.patience import Patience
from conformance.readers import beside_readers
from conformance.transcript import Conversation, Direction
from fixtures.miniatures.client import MiniatureClient, Talk
from fixtures.miniatures.clients_asked import ASKED
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision

OUR_OWN = {"flow.server-info"}
"""Our servers do not name themselves in every result, which is their right."""
ON_PURPOSE: dict[str, set[str]] = {
    "asked-back": {"schema.questions"},
    "asks": {"schema.messages", "elicitation.complete", "sampling.tools"},
    "bad-headers": set(),
    "broken-result": {"schema.results"},
    "caching": {"caching.hints"},
    "empty-cursor": set(),
    "exploding-schema": set(),
    "features": set(),
    "gone": {"base.error-codes"},
    "lost-between-pages": set(),
    "misfit-draft": set(),
    "misfit-items": set(),
    "misfit-output": set(),
    "outside-reference": set(),
    "refused-cursor": set(),
    "unknown-dialect": set(),
}
_OTHER_SIDE = {Direction.SENT: Direction.RECEIVED, Direction.RECEIVED: Direction.SENT}
_READS = ("test://gone", "test://long-gone")


def turned(conversation: Conversation) -> Conversation:
    """The same as a client would have written it down."""
    other = Conversation("stdio", conversation.purpose, conversation.revision, {"tools": {}, "resources": {}})
    other.entries = [
        replace(entry, direction=_OTHER_SIDE.get(entry.direction, entry.direction))
        for entry in conversation.entries
        if not entry.aside
    ]
    return other


def said(scenario: Scenario, revision: Revision) -> list[Conversation]:
    def read(talk: Talk) -> None:
        for uri in _READS if scenario.name == "gone" else ():
            talk.ask("resources/read", {"uri": uri})
        for method in ("prompts/list", "resources/list") if scenario.name in ("features", "caching") else ():
            talk.ask(method)

    async def visit() -> list[Conversation]:
        client = MiniatureClient(replace(ASKED, midway=read))
        visits = await beside_readers(lambda _: receive(client, scenario, revision, "http", Patience(20.0, 6.0)))
        return [turned(visit.conversation) for visit in visits]

    return anyio.run(visit)


@pytest.mark.parametrize("name", ON_PURPOSE)
def test_nothing_is_wrong_in_a_server_but_what_it_is_there_for(name: str) -> None:
    scenario = next(item for item in all_scenarios() if item.name == name)
    revision = LATEST if scenario.played(LATEST, "http") else LATEST_LEGACY
    conversations = said(scenario, revision)
    found = {
        monitor.id
        for monitor in all_monitors()
        # What hangs on HTTP is between the two stages, and has tests of its own.
        if not monitor.id.startswith(("http", "stdio"))
        and run_monitor(monitor, conversations).outcome in ("failed", "broken")
    }
    assert found - OUR_OWN == ON_PURPOSE[name]
