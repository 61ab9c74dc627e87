"""A modern server that leaves `resultType` out, as servers of older revisions do."""

from __future__ import annotations

from dataclasses import replace

from conformance.clients.reply import Reply
from conformance.clients.scenario import Behaviour, Scenario, Turn, modern

__all__ = ["SCENARIO"]


def _reply(turn: Turn) -> Reply | None:
    usual = turn.usual()
    if usual.response is None or "result" not in usual.response:
        return None
    result = {name: value for name, value in usual.response["result"].items() if name != "resultType"}
    return replace(usual, response=usual.response | {"result": result})


SCENARIO = Scenario(
    "no-result-type",
    "gives results without `resultType`",
    lambda _: Behaviour(reply=_reply),
    binds=modern,
    apart=True,
)
