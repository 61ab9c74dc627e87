"""The reference client authorizes itself as every revision has it: no judge finds anything in any scenario."""

from __future__ import annotations

import json

import anyio

from conformance.clients.runner import ClientPlan, run_client
from conformance.clients.subject import Ended, Invitation
from conformance.patience import Patience
from conformance.verdicts import Judged
from fixtures.official.client_authorization import authorizer
from reference_impl.client import ClientError, ClientSettings, connect

BEYOND = {"client.auth-document"}
"""What is not judged of it here: its metadata document lies where nothing is fetched from."""


async def reference(invitation: Invitation) -> Ended:
    assert invitation.url is not None
    scenario, context = (invitation.variables[f"MCP_CONFORMANCE_{name}"] for name in ("SCENARIO", "CONTEXT"))
    settings = ClientSettings(authorizer=authorizer(scenario, json.loads(context)))
    try:
        async with connect(invitation.url, settings) as server:
            for tool in await server.list_tools():
                await server.call_tool(tool["name"], {"a": 1, "b": 2, "region": "x"})
    except ClientError as error:
        return Ended(1, str(error))
    return Ended(0)


def test_no_judge_finds_anything_in_how_the_reference_client_authorizes_itself() -> None:
    verdicts: dict[tuple[str, str], Judged] = {}
    plan = ClientPlan(
        reference,
        "http",
        lambda judge, revision, _, judged: verdicts.__setitem__((judge.monitor.id, revision.name), judged),
        only=("client.auth-*",),
        patience=Patience(start=20.0, answer=6.0),
    )
    anyio.run(run_client, plan)
    odd = {
        (identifier, revision): f"{judged.outcome}: {judged.mismatch or judged.summary}"
        for (identifier, revision), judged in verdicts.items()
        if judged.outcome != "passed" and identifier not in BEYOND
    }
    assert not odd
    assert len({revision for _, revision in verdicts}) == 4
