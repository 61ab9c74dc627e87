"""A server under its usual name, and under another."""

from __future__ import annotations

from typing import Any

from conformance.clients.said import words
from conformance.clients.scenario import Behaviour, Scenario, Scene, modern
from reference_impl.protocol.lifecycle import SERVER_INFO

__all__ = ["SCENARIO"]

_OTHER = {"name": "Some Other Server", "version": "0.0.0-beta.7"}


def _begin(scene: Scene) -> Behaviour:
    def opening(result: dict[str, Any]) -> dict[str, Any]:
        return result if scene.visit % 2 else result | {"_meta": {SERVER_INFO: _OTHER}}

    # The third visit shows whether such a client repeats itself at all.
    return Behaviour(opening=opening, again=lambda earlier: len(earlier) < 2 or words(earlier[0]) != words(earlier[1]))


SCENARIO = Scenario(
    "renamed",
    "is the same as ever, under its usual name to begin with, then under another",
    _begin,
    binds=modern,
    visits=3,
    apart=True,
)
