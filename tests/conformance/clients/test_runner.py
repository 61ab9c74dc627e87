"""A run on a client: its judges stand on rows that bind clients, and it ends in time whatever the client does."""

from __future__ import annotations

import anyio
import anyio.to_thread
import pytest

from conformance.catalogue import load
from conformance.clients.declare import all_judges
from conformance.clients.runner import ClientPlan, NeverCame, run_client
from conformance.clients.scenario import PLAIN
from conformance.clients.subject import Ended, Invitation
from conformance.patience import Patience
from fixtures.miniatures.client import MiniatureClient
from reference_impl.protocol.revisions import LATEST_LEGACY


def test_every_judge_stands_on_rows_that_bind_clients_and_can_be_tested_on_them() -> None:
    rows = load()
    for judge in all_judges():
        assert judge.monitor.requirements
        for name in judge.monitor.requirements:
            assert "client" in rows[name].sides, name
            assert "client" not in rows[name].untestable, name
        assert judge.monitor.title.endswith(".")
        assert not {"must", "should"} & set(judge.monitor.title.split())


def test_what_the_deadline_left_unplayed_is_blocked_and_never_passed() -> None:
    right = MiniatureClient()
    outcomes: dict[str, str] = {}
    met: set[str] = set()

    async def plain_alone(invitation: Invitation) -> Ended:
        met.add(invitation.variables["TOUCHSTONE_SCENARIO"])
        if invitation.variables["TOUCHSTONE_SCENARIO"] != PLAIN:
            await anyio.sleep_forever()
        return await right(invitation)

    plan = ClientPlan(
        plain_alone,
        "http",
        lambda judge, _, __, judged: outcomes.__setitem__(judge.monitor.id, judged.outcome),
        revisions=(LATEST_LEGACY.name,),
        patience=Patience(run=0.7),
    )
    anyio.run(run_client, plan)
    assert outcomes["client.initialize-params"] == "passed"
    assert outcomes["client.ping"] == outcomes["client.session-renewed"] == "blocked"
    # What only another scenario shows to have a point is not played for lack of that one.
    assert not [name for name in met if name.startswith("auth-")]


def test_a_client_that_does_nothing_at_all_is_ended_at_the_deadline() -> None:
    async def nothing(_: Invitation) -> Ended:
        await anyio.sleep_forever()
        return Ended(0)

    plan = ClientPlan(nothing, "http", lambda *_: None, patience=Patience(run=0.2))
    with pytest.raises(NeverCame, match="--deadline"):
        anyio.run(run_client, plan)


# A thread of the client may be connecting in the moment in which we stop to listen.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_never_stops_talking_is_ended_all_the_same() -> None:
    right = MiniatureClient()

    async def again_and_again(invitation: Invitation) -> Ended:
        while True:
            await right(invitation)

    seen: set[str] = set()
    plan = ClientPlan(
        again_and_again,
        "http",
        lambda judge, *_: seen.add(judge.monitor.id),
        revisions=(LATEST_LEGACY.name,),
        patience=Patience(check=0.5),
    )
    anyio.run(run_client, plan)
    assert "client.ping" in seen


def test_what_was_played_until_an_interruption_is_judged_and_the_rest_blocked() -> None:
    right = MiniatureClient()
    outcomes: dict[str, str] = {}

    scopes: list[anyio.CancelScope] = []

    async def plain_alone(invitation: Invitation) -> Ended:
        if invitation.variables["TOUCHSTONE_SCENARIO"] != PLAIN:
            scopes[0].cancel()
            await anyio.sleep_forever()
        return await right(invitation)

    async def interrupted() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await run_client(plan)

    plan = ClientPlan(
        plain_alone,
        "http",
        lambda judge, _, __, judged: outcomes.__setitem__(judge.monitor.id, judged.outcome),
        only=("client.initialize-params", "client.ping"),
        revisions=(LATEST_LEGACY.name,),
    )
    anyio.run(interrupted)
    assert outcomes == {"client.initialize-params": "passed", "client.ping": "blocked"}
