"""A modern server whose list of tools has a type that no revision knows."""

from __future__ import annotations

from dataclasses import replace

from conformance.clients.offer import EMPTY_SCHEMA
from conformance.clients.reply import Reply
from conformance.clients.scenario import Behaviour, Scenario, Turn, modern

__all__ = ["PHANTOM", "SCENARIO"]

PHANTOM = "phantom"
"""The tool that stands in that list and nowhere else."""


def _reply(turn: Turn) -> Reply | None:
    usual = turn.usual()
    if turn.method != "tools/list" or usual.response is None or "result" not in usual.response:
        return None
    tools = [{"name": PHANTOM, "description": "Is not there.", "inputSchema": EMPTY_SCHEMA}]
    result = {"resultType": "touchstone/none", "ttlMs": 0, "cacheScope": "private", "tools": tools}
    return replace(usual, response=usual.response | {"result": result})


SCENARIO = Scenario(
    "unknown-result-type",
    "gives its list of tools as a result of a type that does not exist",
    lambda _: Behaviour(reply=_reply),
    binds=modern,
    apart=True,
)
