"""We as the one who runs tasks (2025-11-25 `basic/utilities/tasks`): a client that takes as a task what it is asked.

What the work would be is settled in no time; how a task is told of differs, so that the one who asked shows what it
does with tasks that are told of in that manner.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import anyio

from conformance.answering import answer_to, with_relation
from conformance.guise import Guise
from conformance.peer import Peer
from reference_impl.protocol.tasks import RELATED_TASK, TERMINAL, timestamp

__all__ = ["CURSORS", "LONG", "SOON", "Made", "Manner", "Receiver"]

SOON, LONG = 20, 1500
"""Milliseconds between two looks at a task that we suggest: to get on with it, and so that haste shows."""
CURSORS = ('2 &/?="\u00fc\\', "3==")
"""What leads to the further pages of our list, which are empty."""
_TTL = 60_000
_CAPABILITIES: dict[str, Any] = {
    "elicitation": {"form": {}},
    "sampling": {},
    "tasks": {
        "list": {},
        "cancel": {},
        "requests": {"elicitation": {"create": {}}, "sampling": {"createMessage": {}}},
    },
}
_UNKNOWN = {"error": {"code": -32602, "message": "There is no such task"}}


class Manner(Enum):
    """How a task is told of."""

    ASKS = "asks"
    """It needs input from the first look on, until its result is asked for or a third look is made."""
    QUIET = "quiet"
    """The first look finds it working and says to wait long, the second finds its end."""
    TELLS = "tells"
    """Its status is told once without being asked for; the first look finds its end."""


@dataclass(slots=True)
class Made:
    """A task that we run, and what was asked about it."""

    id: str
    manner: Manner
    request: dict[str, Any]
    status: str = "working"
    interval: int = SOON
    looks: int = 0
    fetched: bool = False
    cancelled: bool = False
    asked: anyio.Event = field(default_factory=anyio.Event)
    _born: float = field(default_factory=time.time)

    @property
    def noticed(self) -> bool:
        """Whether anything was asked about it."""
        return self.looks > 0 or self.fetched or self.cancelled

    def look(self) -> dict[str, Any]:
        """Count a look at it, and return what is seen."""
        self.looks += 1
        self.asked.set()
        self.interval = LONG if self.manner is Manner.QUIET else SOON
        if self.status not in TERMINAL:
            self.status = _STATUSES[self.manner][min(self.looks, len(_STATUSES[self.manner])) - 1]
        return self.wire()

    def wire(self) -> dict[str, Any]:
        """Return the task as it is written."""
        times = {"createdAt": timestamp(self._born), "lastUpdatedAt": timestamp(time.time())}
        return {"taskId": self.id, "status": self.status, **times, "ttl": _TTL, "pollInterval": self.interval}


_STATUSES = {
    Manner.ASKS: ("input_required", "input_required", "completed"),
    Manner.QUIET: ("working", "completed"),
    Manner.TELLS: ("completed",),
}
"""What each look finds; the last holds for all that follow."""


class Receiver:
    """A client that runs tasks. `peer` is to be set before anything is asked; `manners` are those of the next tasks,
    and QUIET when they are used up; `began` is set with the first task."""

    def __init__(self) -> None:
        self.peer: Peer | None = None
        self.manners: list[Manner] = []
        self.made: list[Made] = []
        self.began = anyio.Event()

    @property
    def guise(self) -> Guise:
        """What a peer has to be opened with."""
        return Guise(_CAPABILITIES, self.answer)

    async def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer a request of the server."""
        params = request.get("params")
        params = params if isinstance(params, dict) else {}
        if request["method"].startswith("tasks/"):
            return self._about(request["method"], params)
        result = answer_to(request)
        if result is None or request["method"] == "roots/list":
            return None
        return await self._make(request) if "task" in params else {"result": with_relation(result, request)}

    async def _make(self, request: dict[str, Any]) -> dict[str, Any]:
        made = Made(secrets.token_urlsafe(), self.manners.pop(0) if self.manners else Manner.QUIET, request)
        self.made.append(made)
        self.began.set()
        created = {"result": {"task": made.wire()}}
        if made.manner is not Manner.TELLS or self.peer is None:
            return created
        await self.peer.tell({"jsonrpc": "2.0", "id": request["id"], **created})
        await self.peer.notify("notifications/tasks/status", made.wire())
        return {}

    def _about(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        if method == "tasks/list":
            return self._listed(params.get("cursor"))
        made = next((made for made in self.made if made.id == params.get("taskId")), None)
        if made is None:
            return _UNKNOWN
        match method:
            case "tasks/get":
                return {"result": made.look()}
            case "tasks/cancel":
                return self._cancelled(made)
            case "tasks/result":
                return self._outcome(made)
        return None

    def _listed(self, cursor: Any) -> dict[str, Any]:
        pages = dict(zip((None, *CURSORS), (*CURSORS, None), strict=True))
        if not isinstance(cursor, str | None) or cursor not in pages:
            return {"error": {"code": -32602, "message": "There is no such cursor"}}
        tasks = [made.wire() for made in self.made] if cursor is None else []
        return {"result": {"tasks": tasks} | ({"nextCursor": pages[cursor]} if pages[cursor] is not None else {})}

    def _cancelled(self, made: Made) -> dict[str, Any]:
        made.cancelled = True
        made.asked.set()
        if made.status in TERMINAL:
            return {"error": {"code": -32602, "message": f"The task is {made.status} already"}}
        made.status = "cancelled"
        return {"result": made.wire()}

    def _outcome(self, made: Made) -> dict[str, Any]:
        made.fetched = True
        made.asked.set()
        if made.status == "cancelled":
            return {"error": {"code": -32603, "message": "The task was cancelled"}}
        made.status = "completed"  # who asks for the result waits for nobody but us
        return {"result": {**(answer_to(made.request) or {}), "_meta": {RELATED_TASK: {"taskId": made.id}}}}
