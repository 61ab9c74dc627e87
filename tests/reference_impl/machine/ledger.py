"""What one client has asked, and what it may therefore hear: the judge of everything that a server sends.

A message that no request, subscription or session accounts for is an `AssertionError`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
Json = dict[str, Any]
Key = tuple[type, Any]


def key_of(identifier: Any) -> Key:
    """Return an id as what it is compared by: value and type."""
    return type(identifier), identifier


@dataclass(slots=True)
class Asked:
    """One request: how many answers it must get, how many it may get beyond that, and the progress that was reported.

    `batched`: its answer may be there already, and waits for those of the others; its progress takes another stream.
    `marker` names its handler's run, and `task` the task that it became.
    """

    method: str
    params: Json = field(default_factory=dict)
    marker: str = ""
    owed: int = 1
    allowed: int = 0
    modern: bool = False
    reported: set[float] = field(default_factory=set)
    acknowledged: bool = False
    logs: bool = False
    batched: bool = False
    cancelled: bool = False
    task: str | None = None

    @property
    def progress(self) -> float:
        """The highest progress reported so far."""
        return max(self.reported, default=float("-inf"))

    @property
    def open(self) -> bool:
        """Whether an answer may still come."""
        return self.owed + self.allowed > 0

    @property
    def outlives(self) -> bool:
        """Whether it may go on without its client: as a task that whoever knows its id may ask for."""
        return self.modern and (self.task is not None or "job" in str(self.params.get("name")))


@dataclass(slots=True)
class Ledger:
    """Everything one client sent and heard. `lossy`: answers may be missing, for the connection is coming down.

    `ordered`: everything comes on one channel, so that nothing overtakes the end of a task. `rounds` are the requests
    that came back for input, with what they asked; `tasks` have the id of the request that each was made of.
    """

    asked: dict[Key, Asked] = field(default_factory=dict)
    anonymous: int = 0
    questions: dict[Key, tuple[str, Json]] = field(default_factory=dict)
    rounds: list[tuple[Asked, Json]] = field(default_factory=list)
    tasks: dict[str, Key] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    ordered: bool = False
    asked_by_server: set[Key] = field(default_factory=set)
    legacy: bool = False
    due: set[tuple[str, Key | None]] = field(default_factory=set)
    lossy: bool = False
    heard: int = 0

    def ask(self, identifier: Any, asked: Asked) -> None:
        """Note a request; one whose id is taken is owed an answer of its own."""
        earlier = self.asked.get(key_of(identifier))
        if earlier is not None and earlier.open:
            earlier.owed += 1
        else:
            self.asked[key_of(identifier)] = asked

    def cancel(self, identifier: Any, *, crossing: bool) -> Asked | None:
        """Note a cancellation, which may be `crossing` the answer; return what it cancels."""
        asked = self.asked.get(key_of(identifier))
        if asked is None:
            return None
        asked.allowed += asked.owed if crossing or asked.batched else 0
        asked.owed, asked.cancelled = 0, True
        return asked

    def overtaken(self, but: Collection[Key] = ()) -> None:
        """Note that nothing `but` that is on its way: what was cancelled must not be answered any more."""
        for key, asked in self.asked.items():
            if asked.cancelled and not asked.batched and key not in but:
                asked.allowed = 0

    def excuse(self) -> None:
        """Note that the connection is coming down: answers may be lost from now on."""
        self.lossy = True
        self.due.clear()
        for asked in self.asked.values():
            asked.allowed, asked.owed = asked.allowed + asked.owed, 0

    @property
    def pending(self) -> list[Key]:
        """Requests that are owed an answer."""
        return [key for key, asked in self.asked.items() if asked.owed > 0]

    def check_settled(self) -> None:
        """Complain of whatever is still owed."""
        assert not self.pending, f"requests that nobody answers: {[(key, self.asked[key]) for key in self.pending]}"
        assert self.questions == {}, f"questions that wait: {self.questions}"
        assert self.anonymous == 0, f"{self.anonymous} errors without id are missing"
        assert self.due == set(), f"changes that nobody announced: {self.due}"

    @property
    def markers(self) -> list[str]:
        """Those of the requests whose handlers end with the connection: all but tasks that anybody may ask for."""
        return [asked.marker for asked in self.asked.values() if not asked.outlives]

    def hear(self, message: Any) -> None:
        """Judge one message of the server."""
        self.heard += 1
        if isinstance(message, list):
            assert message, "an empty batch"
            for member in message:
                self.hear(member)
            return
        assert isinstance(message, dict), message
        assert message.get("jsonrpc") == "2.0", message
        if "method" not in message:
            self._answered(message)
        elif "id" in message:
            self._question(message)
        else:
            self._notified(message["method"], message.get("params") or {})

    def _answered(self, message: Json) -> None:
        assert ("result" in message) != ("error" in message), message
        if "id" not in message:
            assert "error" in message, message
            self.anonymous -= 1
            assert self.anonymous >= 0, f"an error without id that nothing explains: {message}"
            return
        asked = self.asked.get(key_of(message["id"]))
        assert asked is not None, f"an answer to what was never asked: {message}"
        assert asked.open, f"one answer too many, or one after cancellation: {message} to {asked}"
        if asked.owed:
            asked.owed -= 1
        else:
            asked.allowed -= 1
        if "result" in message:
            self._resulted(asked, message["result"], key_of(message["id"]))

    def _resulted(self, asked: Asked, result: Json, key: Key) -> None:
        kind = result["resultType"] if asked.modern else "complete"
        if kind == "input_required":
            self.rounds.append((asked, result))
        created = result if kind == "task" else result.get("task")
        if created is not None:
            asked.task = created["taskId"]
            self.tasks[created["taskId"]] = key

    def _question(self, message: Json) -> None:
        assert self.legacy, f"a question where no session is: {message}"
        key = key_of(message["id"])
        assert key not in self.asked_by_server, f"the id of a question twice: {message}"
        self.asked_by_server.add(key)
        self.questions[key] = message["method"], message.get("params") or {}

    def _notified(self, method: str, params: Json) -> None:
        match method:
            case "notifications/progress":
                self._progressed(params)
            case "notifications/cancelled":
                self._withdrawn(params)
            case "notifications/message":
                assert self.legacy or any(asked.logs and asked.open for asked in self.asked.values()), params
            case "notifications/tasks/status":
                assert params["taskId"] in self.tasks or self.lossy or not self.ordered, f"of no task: {params}"
                if params["status"] in ("completed", "failed", "cancelled"):
                    self.ended.add(params["taskId"])
            case _:
                self._changed(method, params)

    def _progressed(self, params: Json) -> None:
        asked = self.asked.get(key_of(params["progressToken"]))
        assert asked is not None, f"progress of what was never asked: {params}"
        task = asked.task is not None and not asked.modern and not (self.ordered and asked.task in self.ended)
        assert asked.open or asked.batched or task, f"progress after the end: {params} of {asked}"
        # A task's progress comes with the newest request for its result, or with the session. Over HTTP these are two
        # streams; which of them is read first, or fetched again, is the client's affair.
        crossing = task and not self.ordered
        rises = params["progress"] not in asked.reported if crossing else params["progress"] > asked.progress
        assert rises, f"progress that does not rise: {params}"
        asked.reported.add(params["progress"])

    def _withdrawn(self, params: Json) -> None:
        key = key_of(params["requestId"])
        if key in self.asked_by_server:
            self.questions.pop(key, None)  # it may have crossed the answer
            return
        asked = self.asked.get(key)
        assert asked is not None, f"a cancellation of nothing: {params}"
        assert asked.method == "subscriptions/listen", f"a server cancels what it did not ask: {params}"

    def _changed(self, method: str, params: Json) -> None:
        identifier = (params.get("_meta") or {}).get(SUBSCRIPTION)
        if identifier is None:
            assert self.legacy, f"{method} to a client that never asked for it"
            self.due.discard((method, None))
            return
        asked = self.asked.get(key_of(identifier))
        assert asked is not None, f"{method} for a subscription that never was: {params}"
        assert asked.open, f"{method} after the end of its subscription: {params}"
        acknowledges = method == "notifications/subscriptions/acknowledged"
        assert asked.acknowledged != acknowledges, f"the acknowledgement does not come first and once: {method}"
        asked.acknowledged = True
        self.due.discard((method, key_of(identifier)))
