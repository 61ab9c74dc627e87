"""A server whose tools fail, with codes that mean nothing and once meant something."""

from __future__ import annotations

import itertools

from conformance.clients.reply import Reply
from conformance.clients.said import words
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, modern

__all__ = ["SCENARIO"]

_PLAIN = 1234
_LOADED = (-32001, -32000, -32003, -32010)


def _begin(scene: Scene) -> Behaviour:
    codes = itertools.cycle(_LOADED)

    def reply(turn: Turn) -> Reply | None:
        if turn.method != "tools/call" or not turn.is_request:
            return None
        return turn.error(_PLAIN if scene.visit % 2 else next(codes), "It did not work")

    return Behaviour(reply=reply, again=lambda earlier: len(earlier) < 2 or words(earlier[0]) != words(earlier[1]))


SCENARIO = Scenario(
    "codes",
    f"fails each call: with code {_PLAIN} to begin with, then with codes from -32000 to -32019",
    _begin,
    binds=modern,
    visits=3,
    apart=True,
)
