"""A scenario being played: messages of the client in, replies out. No I/O: the stages move the bytes.

What a client does wrong is noted in the transcript and answered all the same where an answer can be given, so that one
mistake does not hide what comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from conformance.clients.offer import answer, complete, opening, refusal
from conformance.clients.reply import Reply
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn
from conformance.transcript import Conversation, HttpHead
from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, is_modern_request
from reference_impl.protocol.streamable import SESSION_ID

__all__ = ["BAD_REQUEST", "Play"]

BAD_REQUEST = -32000
"""The code that servers of the handshake era give for whatever they cannot take."""
_STATUSES = {Code.METHOD_NOT_FOUND: 404, Code.UNSUPPORTED_VERSION: 400, Code.INVALID_PARAMS: 200}


@dataclass(slots=True)
class Play:
    """One scenario towards one client."""

    scenario: Scenario
    scene: Scene
    behaviour: Behaviour = field(init=False)
    _sessions: int = 0

    def __post_init__(self) -> None:
        self.behaviour = self.scenario.begin(self.scene)

    @property
    def conversation(self) -> Conversation:
        """What was said since the client was last started."""
        return self.scene.conversation

    def take(self, message: dict[str, Any], head: HttpHead | None = None, connection: int = 0) -> Reply:
        """Return what one message is answered with; `head` is that of its HTTP request."""
        self._note(message)
        turn = self._turn(message, head, connection)
        return self.behaviour.reply(turn) or turn.usual()

    def take_batch(self, batch: list[Any], head: HttpHead | None = None) -> list[dict[str, Any]]:
        """Return the responses to the requests of a batch."""
        replies = [self.take(message, head) for message in batch if isinstance(message, dict)]
        return [reply.response for reply in replies if reply.response is not None]

    def takes_batch(self, value: Any) -> bool:
        """Whether something is a batch, where the revision has them."""
        return isinstance(value, list) and len(value) > 0 and self.scene.revision.batching

    def listen(self, head: HttpHead) -> Reply | None:
        """Return what a GET of a stream of events is answered with, None for a server that has no such stream."""
        return self.behaviour.listen(self._turn({}, head, 0))

    def _turn(self, message: dict[str, Any], head: HttpHead | None, connection: int) -> Turn:
        session = head.get(SESSION_ID) if head is not None else None
        return Turn(message, self.scene, cache(lambda: self._usual(message)), session, head, connection)

    def _note(self, message: dict[str, Any]) -> None:
        """Keep what later answers and judges need to know."""
        conversation, revision = self.scene.conversation, self.scene.revision
        if "method" not in message:
            if isinstance(message.get("id"), int | str):
                self.scene.answers[message["id"]] = message
            return
        declared: Any = None
        if "id" in message and revision.modern and is_modern_request(_params(message)):
            declared = message["params"]["_meta"].get(CLIENT_CAPABILITIES)
        elif "id" in message and not revision.modern and message["method"] == "initialize":
            declared = _params(message).get("capabilities")
        else:
            return
        conversation.revision = revision.name
        conversation.capabilities = declared if isinstance(declared, dict) else {}

    def _usual(self, message: dict[str, Any]) -> Reply:
        if "id" not in message or str(message.get("method", "notifications/")).startswith("notifications/"):
            return Reply()
        modern = is_modern_request(_params(message))
        if self.scene.revision.modern:
            return self._modern(message) if modern else self._no_handshake(message)
        if modern or message["method"] == "server/discover":
            return Reply(400, refusal(message, BAD_REQUEST, "Bad Request: unsupported protocol version"))
        return self._legacy(message)

    def _legacy(self, message: dict[str, Any]) -> Reply:
        revision = self.scene.revision
        offer = self.behaviour.offer(revision)
        if message["method"] != "initialize":
            return Reply(200, answer(revision, message, offer))
        self._sessions += 1
        session = f"touchstone-{self._sessions}" if revision.sessions and self.scene.transport == "http" else None
        result = self.behaviour.opening(opening(revision, revision.name, offer))
        return Reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": result}, session)

    def _no_handshake(self, message: dict[str, Any]) -> Reply:
        offered = _params(message).get("protocolVersion") if message["method"] == "initialize" else None
        if offered is None:
            return Reply(400, refusal(message, Code.INVALID_PARAMS, "Invalid params: no metadata"))
        data = {"supported": [self.scene.revision.name], "requested": offered}
        return Reply(400, refusal(message, Code.UNSUPPORTED_VERSION, "Unsupported protocol version", data))

    def _modern(self, message: dict[str, Any]) -> Reply:
        revision = self.scene.revision
        offer = self.behaviour.offer(revision)
        if message["method"] == "server/discover":
            result = complete(revision, self.behaviour.opening(opening(revision, revision.name, offer)), caches=True)
            return Reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})
        response = answer(revision, message, offer)
        return Reply(_STATUSES.get(response.get("error", {}).get("code"), 200), response)


def _params(message: dict[str, Any]) -> dict[str, Any]:
    params = message.get("params")
    return params if isinstance(params, dict) else {}
