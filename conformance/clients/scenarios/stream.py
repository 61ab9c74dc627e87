"""A server that makes use of streams: comments, foreign events, questions before the answer."""

from __future__ import annotations

from dataclasses import replace

from conformance.clients.reply import Message, Reply, Step
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn
from reference_impl.protocol.sse import COMMENT

__all__ = ["PROGRESS", "SCENARIO", "UNKNOWN_NOTICE"]

UNKNOWN_NOTICE: Message = {"jsonrpc": "2.0", "method": "notifications/touchstone/unknown"}
_FOREIGN = b"event: touchstone\r\ndata: no message\r\n\r\n"
"""An event of a type that the protocol does not have; readers of streams pass it over."""


PROGRESS = "touchstone-progress"
"""The token under which the client may report progress on the ping."""


def _request(identifier: str, method: str) -> Message:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": {"_meta": {"progressToken": PROGRESS}}}


def _begin(scene: Scene) -> Behaviour:
    asked = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal asked
        if asked or scene.revision.modern or turn.method != "tools/list" or not turn.is_request:
            return None
        asked = True
        questions: list[Step] = [UNKNOWN_NOTICE, _request("touchstone-ping", "ping")]
        if "roots" not in scene.conversation.capabilities:
            questions.append(_request("touchstone-roots", "roots/list") | {"params": {}})
        return replace(turn.usual(), before=tuple(questions))

    return Behaviour(reply=reply, streams=True, prelude=COMMENT + _FOREIGN)


SCENARIO = Scenario(
    "stream",
    "answers in streams of events, with a comment and an event of another type in between, cut in pieces; before the"
    " first list of tools it sends an unknown notification, `ping`, and `roots/list` if the client declares no roots",
    _begin,
)
