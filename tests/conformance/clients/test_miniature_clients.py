"""Every judge of clients fails on a client that is wrong in its way, and on nothing else; none on one that is right."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from conformance.clients.declare import all_judges
from conformance.clients.runner import ClientPlan, run_client
from conformance.clients.scenario import PLAIN
from conformance.patience import Patience
from conformance.verdicts import Judged
from fixtures.miniatures.bent_client import BentClient
from fixtures.miniatures.client import MiniatureClient
from fixtures.miniatures.clients import CLIENTS, RIGHT
from reference_impl.protocol.revisions import LATEST, REVISIONS

PATIENCE = Patience(start=20.0, answer=6.0)


def judged(
    client: MiniatureClient,
    transport: str,
    *revisions: str,
    scenarios: tuple[str, ...] = (),
    patience: Patience = PATIENCE,
) -> dict[tuple[str, str], Judged]:
    verdicts: dict[tuple[str, str], Judged] = {}
    plan = ClientPlan(
        client,
        transport,
        lambda judge, revision, _, result: verdicts.__setitem__((judge.monitor.id, revision.name), result),
        revisions=revisions,
        scenarios=scenarios,
        patience=patience,
    )
    anyio.run(run_client, plan)
    return verdicts


def failures(verdicts: dict[tuple[str, str], Judged]) -> dict[str, str]:
    return {
        identifier: f"{result.mismatch or result.summary}"
        for (identifier, _), result in verdicts.items()
        if result.outcome in ("failed", "broken")
    }


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_exactly_its_judge_fails_on_a_client_that_is_wrong_in_one_way(client: BentClient) -> None:
    named = next(judge.scenarios for judge in all_judges() if judge.monitor.id == client.fails)
    # A judge that sees all scenarios has to see its failure in one of these.
    scenarios = client.scenarios or named or (PLAIN, "stream")
    revision = client.revision.name
    patience = replace(PATIENCE, answer=client.patience)
    subject = MiniatureClient(client.bend)
    found = failures(judged(subject, client.transport, revision, scenarios=scenarios, patience=patience))
    assert set(found) == {client.fails}, found


@pytest.mark.parametrize("transport", ["http", "stdio"])
@pytest.mark.parametrize("able", RIGHT)
def test_no_judge_fails_on_a_client_that_is_right(able: str, transport: str) -> None:
    verdicts = judged(MiniatureClient(RIGHT[able]), transport)
    assert not failures(verdicts)
    assert {revision for _, revision in verdicts} == {
        revision.name
        for revision in REVISIONS
        if transport == "stdio" or revision.streamable_http or revision is LATEST
    }


# The miniature is ended in a thread that may hold a connection yet.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("transport", ["sse", "ws"])
def test_a_client_that_is_right_is_so_over_the_transports_that_few_have(transport: str) -> None:
    verdicts = judged(MiniatureClient(), transport)
    assert not failures(verdicts)
    assert {revision for _, revision in verdicts} == {
        revision.name for revision in REVISIONS if transport == "ws" or not revision.modern
    }


def test_every_judge_has_a_miniature() -> None:
    assert {judge.monitor.id for judge in all_judges()} == {client.fails for client in CLIENTS}
