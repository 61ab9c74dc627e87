"""Tasks: requests that outlive their answer. Their states, and how each era writes them down.

Two designs share the states: the experimental feature of 2025-11-25 (`basic/utilities/tasks`), where whoever asks
decides, and the extension of 2026-07-28 (`extensions/tasks`), where the server does. Nothing here has a clock: times
come in as POSIX seconds.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from reference_impl.protocol.errors import Code, LocalProtocolError, RemoteProtocolError
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import Revision

__all__ = [
    "RELATED_TASK",
    "TERMINAL",
    "Status",
    "Task",
    "TaskSupport",
    "declares_extension",
    "extension_required",
    "pause",
    "read_task",
    "read_ttl",
    "related",
    "task_wire",
    "timestamp",
    "unknown_task",
]

RELATED_TASK = "io.modelcontextprotocol/related-task"
"""Key of `_meta` that ties a message to its task (2025-11-25, `#related-task-metadata`)."""

_USUAL_PAUSE, _SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 0.01, 60.0
"""Seconds between two looks at a task: where nothing is suggested, and the bounds of what may be suggested."""

TaskSupport = Literal["forbidden", "optional", "required"]
"""Whether a tool may run as a task: never, if so wished, or in no other way (`#tool-level-negotiation`)."""


class Status(StrEnum):
    """The states of a task, under their names on the wire."""

    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
"""States that a task never leaves (`#task-status-lifecycle`)."""


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one task.

    `created_at` and `last_updated_at` are ISO 8601 as on the wire; `ttl` and `poll_interval` are milliseconds, `ttl`
    counts from creation and None is unlimited. The last three belong to one status each, and only 2026-07-28 has them:
    `result` of a completed task, `error` of a failed one, `input_requests` of one that requires input.
    """

    id: str
    status: Status
    created_at: str
    last_updated_at: str
    ttl: int | None = None
    poll_interval: int | None = None
    message: str | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = None

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen to this task."""
        return self.status in TERMINAL

    def moved(self, status: Status, now: float, message: str | None = None) -> Task:
        """Return the task in another status, or with another message in the same one.

        Raises `LocalProtocolError` if it has ended already: no status follows a terminal one.
        """
        if self.terminal:
            raise LocalProtocolError(f"the task is {self.status} already and cannot become {status}")
        return msgspec.structs.replace(self, status=status, last_updated_at=timestamp(now), message=message)


def timestamp(now: float) -> str:
    """Return a time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_TIMES = {False: ("ttl", "pollInterval"), True: ("ttlMs", "pollIntervalMs")}
"""Whether the revision is modern to the names of the members that hold milliseconds."""
_DETAILS = {"result": "result", "error": "error", "input_requests": "inputRequests"}
"""Attribute of `Task` to the member of a `DetailedTask` (2026-07-28)."""


def task_wire(task: Task, revision: Revision) -> dict[str, Any]:
    """Return the task as `revision` writes it, details included where they are set."""
    ttl, poll = _TIMES[revision.modern]
    wire: dict[str, Any] = {
        "taskId": task.id,
        "status": task.status.value,
        "createdAt": task.created_at,
        "lastUpdatedAt": task.last_updated_at,
        ttl: task.ttl,
    }
    if task.poll_interval is not None:
        wire[poll] = task.poll_interval
    if task.message is not None:
        wire["statusMessage"] = task.message
    details = {member: getattr(task, name) for name, member in _DETAILS.items()}
    return wire | {member: value for member, value in details.items() if value is not None}


def read_task(value: Any, revision: Revision) -> Task:
    """Read a task that the peer describes. Raises `RemoteProtocolError` (-32602) for what is none.

    Times are taken as they come: a peer that leaves them out can still be polled.
    """
    if not isinstance(value, dict) or not isinstance(value.get("taskId"), str):
        raise _no_task("taskId must be a string")
    if value.get("status") not in frozenset(Status):
        raise _no_task(f"there is no status {value.get('status')!r}")
    ttl, poll = _TIMES[revision.modern]
    details = {name: value.get(member) for name, member in _DETAILS.items()} if revision.modern else {}
    message = value.get("statusMessage")
    return Task(
        value["taskId"],
        Status(value["status"]),
        str(value.get("createdAt", "")),
        str(value.get("lastUpdatedAt", "")),
        _milliseconds(value.get(ttl)),
        _milliseconds(value.get(poll)),
        message if isinstance(message, str) else None,
        **{name: detail if isinstance(detail, dict) else None for name, detail in details.items()},
    )


def _no_task(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid task: {why}")


def _milliseconds(value: Any) -> int | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    return int(value) if number else None


def pause(task: Task) -> float:
    """Return the seconds to wait before the state is asked for again: what its receiver suggests, within reason."""
    suggested = _USUAL_PAUSE if task.poll_interval is None else task.poll_interval / 1000
    return min(max(suggested, _SHORTEST_PAUSE), _LONGEST_PAUSE)


def read_ttl(wish: Any) -> int | None:
    """Read the `task` member of a request's parameters: the lifetime that is wished for in milliseconds, or None.

    Raises `RemoteProtocolError` (-32602).
    """
    if not isinstance(wish, dict):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: task must be an object")
    ttl = wish.get("ttl")
    if ttl is not None and _milliseconds(ttl) is None:
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: task.ttl must be a number of milliseconds")
    return _milliseconds(ttl)


def related(params: dict[str, Any] | None, task_id: str) -> dict[str, Any]:
    """Return parameters or a result with the metadata that ties them to a task (2025-11-25)."""
    given = params or {}
    return {**given, "_meta": {**(given.get("_meta") or {}), RELATED_TASK: {"taskId": task_id}}}


def declares_extension(capabilities: Any) -> bool:
    """Tell whether capabilities name the extension."""
    extensions = capabilities.get("extensions") if isinstance(capabilities, dict) else None
    return isinstance(extensions, dict) and isinstance(extensions.get(TASKS), dict)


def extension_required() -> RemoteProtocolError:
    """Return the refusal of what only a client with the extension may have (`extensions/tasks#protocol-errors`)."""
    data: dict[str, Any] = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
    text = f"The client did not declare the extension {TASKS}"
    return RemoteProtocolError(Code.MISSING_CLIENT_CAPABILITY, text, data)


def unknown_task() -> RemoteProtocolError:
    """Return the refusal of an id that names no task of the caller: never there, another's, or expired."""
    return RemoteProtocolError(Code.INVALID_PARAMS, "Task not found: it never existed here, or has expired")
