"""A scenario being played: messages of the client in, replies out. No I/O: the stages move the bytes.

What a client does wrong is noted in the transcript and answered all the same where an answer can be given, so that one
mistake does not hide what comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.clients.offer import answer, complete, opening, refusal
from conformance.clients.scenario import Scenario
from conformance.transcript import Conversation
from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, is_modern_request
from reference_impl.protocol.revisions import Revision

__all__ = ["Play", "Reply"]

_BAD_REQUEST = -32000
"""The code that servers of the handshake era give for whatever they cannot take."""
_UNKNOWN_NOTICE = {"jsonrpc": "2.0", "method": "notifications/touchstone/unknown"}
_STATUSES = {Code.METHOD_NOT_FOUND: 404, Code.UNSUPPORTED_VERSION: 400, Code.INVALID_PARAMS: 200}


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: over HTTP with a status, and with the id of the session that it opens.

    `questions`, of which some are notifications, go out before `response`, which waits until they are answered, though
    not for ever.
    """

    status: int = 202
    response: dict[str, Any] | None = None
    session: str | None = None
    questions: tuple[dict[str, Any], ...] = ()


class Play:
    """One scenario at one revision, towards one client. `answered` are the ids of our questions that it answered."""

    def __init__(self, scenario: Scenario, revision: Revision, conversation: Conversation) -> None:
        self.scenario = scenario
        self.revision = revision
        self.conversation = conversation
        self.answered: set[Any] = set()
        self._sessions = 0
        self._asked = False
        self._lost = False

    def take(self, message: dict[str, Any], session: str | None = None) -> Reply:
        """Return what one message is answered with; `session` is the session id that came with it over HTTP."""
        if "method" not in message:
            if isinstance(message.get("id"), int | str):
                self.answered.add(message["id"])
            return Reply()
        if "id" not in message or str(message["method"]).startswith("notifications/"):
            return Reply()
        params = message.get("params")
        modern = is_modern_request(params if isinstance(params, dict) else None)
        if self.revision.modern:
            return self._take_modern(message) if modern else self._no_handshake(message)
        if modern or message["method"] == "server/discover":
            return Reply(400, refusal(message, _BAD_REQUEST, "Bad Request: unsupported protocol version"))
        return self._take_legacy(message, session)

    def all_answered(self, questions: tuple[dict[str, Any], ...]) -> bool:
        """Whether the client has answered each of these questions."""
        return all(asked["id"] in self.answered for asked in questions if "id" in asked)

    # The era of the handshake ---------------------------------------------------------------------

    def _take_legacy(self, message: dict[str, Any], session: str | None) -> Reply:
        if message["method"] == "initialize":
            return self._initialize(message)
        if self.scenario.loses_session and not self._lost and session is not None and message["method"] != "ping":
            self._lost = True
            return Reply(404, refusal(message, _BAD_REQUEST, "Session not found"))
        return Reply(200, answer(self.revision, message), questions=self._questions(message))

    def _initialize(self, message: dict[str, Any]) -> Reply:
        params = message.get("params")
        declared = params.get("capabilities") if isinstance(params, dict) else None
        self.conversation.revision = self.revision.name
        self.conversation.capabilities = declared if isinstance(declared, dict) else {}
        self._sessions += 1
        session = f"touchstone-{self._sessions}" if self.revision.sessions else None
        result = opening(self.revision, self.scenario.names or self.revision.name)
        return Reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": result}, session)

    def _questions(self, message: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Return what the server asks before it answers the first list of tools."""
        if self._asked or not self.scenario.asks or message["method"] != "tools/list":
            return ()
        self._asked = True
        roots = () if "roots" in self.conversation.capabilities else (_request("touchstone-roots", "roots/list"),)
        return (_UNKNOWN_NOTICE, _request("touchstone-ping", "ping"), *roots)

    # The era of metadata --------------------------------------------------------------------------

    def _no_handshake(self, message: dict[str, Any]) -> Reply:
        offered = (message.get("params") or {}).get("protocolVersion") if message["method"] == "initialize" else None
        if offered is None:
            return Reply(400, refusal(message, Code.INVALID_PARAMS, "Invalid params: no metadata"))
        return Reply(400, self._unsupported(message, offered))

    def _take_modern(self, message: dict[str, Any]) -> Reply:
        self.conversation.revision = self.revision.name
        declared = message["params"]["_meta"].get(CLIENT_CAPABILITIES)
        self.conversation.capabilities = declared if isinstance(declared, dict) else {}
        if self.scenario.names is not None:
            return Reply(400, self._unsupported(message, self.revision.name))
        if message["method"] == "server/discover":
            result = complete(self.revision, opening(self.revision, self.revision.name), caches=True)
            return Reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})
        response = answer(self.revision, message)
        return Reply(_STATUSES.get(response.get("error", {}).get("code"), 200), response)

    def _unsupported(self, message: dict[str, Any], requested: Any) -> dict[str, Any]:
        data = {"supported": [self.scenario.names or self.revision.name], "requested": requested}
        return refusal(message, Code.UNSUPPORTED_VERSION, "Unsupported protocol version", data)


def _request(identifier: str, method: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method}
