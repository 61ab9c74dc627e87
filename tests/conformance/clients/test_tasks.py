"""The reference client among servers with tasks: nothing is wrong with it, and most is judged."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.clients.runner import ClientPlan, run_client
from conformance.clients.subject import Ended, Invitation
from conformance.patience import Patience
from conformance.verdicts import Judged
from reference_impl.client import ClientError, ClientSettings, Handlers, StdioCommand, connect
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

UNSEEN = {
    "client.task-ignored",  # it makes tasks of all that it can be asked for
    "client.task-progress-stops",
    "client.task-cancel",  # what we ask it is done at once
    "client.task-at-once",
    "client.task-failed",
    "client.task-result-waits",
    "client.task-cursors",  # it lists tasks when told to
    "client.task-elsewhere",
    "client.extension-cancel",
}


async def elicit(params: dict[str, Any]) -> dict[str, Any]:
    return {"action": "accept", "content": {"name": "Ada"}}


async def subject(invitation: Invitation) -> Ended:
    target = invitation.url or StdioCommand(invitation.command)
    settings = ClientSettings(handlers=Handlers(elicitation=elicit, takes_tasks=True))
    try:
        async with connect(target, settings) as client:
            for tool in await client.list_tools():
                await client.call_tool(tool["name"], {"a": 1, "b": 1} if tool["name"] == "add_numbers" else {})
    except ClientError as error:
        return Ended(1, str(error))
    return Ended(0)


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_nothing_is_wrong_with_the_reference_client(transport: str) -> None:
    found: dict[str, Judged] = {}
    plan = ClientPlan(
        subject,
        transport,
        lambda judge, _, __, judged: found.__setitem__(judge.monitor.id, judged),
        only=("client.task-*", "client.extension-*"),
        scenarios=("tasks-*",),
        revisions=(LATEST_LEGACY.name, LATEST.name),
        patience=Patience(start=20.0, answer=6.0),
    )
    anyio.run(run_client, plan)
    assert {
        name: str(judged.mismatch) for name, judged in found.items() if judged.outcome in ("failed", "broken")
    } == {}
    assert {name for name, judged in found.items() if judged.outcome != "passed"} <= UNSEEN
