"""Questions of a server that are answered as tasks, where the client declared that it does so (2025-11-25,
`basic/utilities/tasks`): the server gets a task at once, and asks for the answer when the user has had the time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import anyio
import anyio.abc
import msgspec

from reference_impl.client.answers import Answers
from reference_impl.client.settings import Handlers, JsonObject
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import ErrorResponse, Request, Response, decode_json, encode_json
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.task_table import ANYBODY, TaskRecord, TaskTable
from reference_impl.protocol.tasks import (
    RELATED_TASK,
    Status,
    Task,
    read_ttl,
    related,
    task_wire,
    timestamp,
    unknown_task,
)

__all__ = ["TaskAnswers"]

_MOST = 64
"""Tasks of one server at most."""
_USUAL_TTL, _LONGEST_TTL = 3_600_000, 86_400_000
"""How long a task is kept, in milliseconds: if the server has no wish, and at the most. Users take their time."""
_POLL_INTERVAL = 200
"""Milliseconds between two looks at a task, as the server is told."""


class TaskAnswers:
    """Answers a legacy server's requests: those that want a task with a task, the others at once.

    `tasks` runs what is carried out; `clock` counts POSIX seconds.
    """

    def __init__(
        self, answers: Answers, handlers: Handlers, tasks: anyio.abc.TaskGroup, clock: Callable[[], float] = time.time
    ) -> None:
        self._answers = answers
        self._handlers = handlers
        self._tasks = tasks
        self._clock = clock
        self._table = TaskTable(_MOST, _MOST)
        self._running: dict[str, tuple[anyio.CancelScope, anyio.Event]] = {}
        self._own = {
            "tasks/get": self._get,
            "tasks/result": self._result,
            "tasks/list": self._list,
            "tasks/cancel": self._cancel,
        }

    async def to_request(self, request: Request, revision: Revision) -> Response | ErrorResponse:
        """Answer a request; whatever goes wrong becomes the error of the answer."""
        params = request.params or {}
        requests = self._handlers.capabilities(revision).get("tasks", {}).get("requests", {})
        own = self._own.get(request.method) if requests else None
        wished = "task" in params and request.method.partition("/")[0] in requests
        if own is None and not wished:
            return _tied(await self._answers.to_request(request, revision), params)
        try:
            self._forget_expired()
            result = self._begin(request, params, revision) if own is None else await own(params, revision)
            return Response(request.id, result)
        except RemoteProtocolError as error:
            return ErrorResponse(request.id, error.code, error.message, error.data)

    # Making and carrying out --------------------------------------------------------------------

    def _begin(self, request: Request, params: JsonObject, revision: Revision) -> JsonObject:
        now, wished = self._clock(), read_ttl(params["task"])
        ttl = _USUAL_TTL if wished is None else min(wished, _LONGEST_TTL)
        identifier = secrets.token_urlsafe(24)
        task = Task(identifier, Status.WORKING, timestamp(now), timestamp(now), ttl, _POLL_INTERVAL)
        if not self._table.add(TaskRecord(task, ANYBODY, now + ttl / 1000)):
            raise RemoteProtocolError(Code.INTERNAL_ERROR, "There are too many tasks: try again later")
        self._running[identifier] = (anyio.CancelScope(), anyio.Event())
        plain = Request(request.id, request.method, {name: value for name, value in params.items() if name != "task"})
        self._tasks.start_soon(self._carry_out, identifier, plain, revision)
        return related({"task": task_wire(task, revision)}, identifier)

    async def _carry_out(self, task_id: str, request: Request, revision: Revision) -> None:
        scope, ended = self._running[task_id]
        try:
            with scope:
                self._end(task_id, await self._answers.to_request(request, revision))
        finally:
            self._running.pop(task_id, None)
            ended.set()

    def _end(self, task_id: str, answer: Response | ErrorResponse) -> None:
        if isinstance(answer, Response):
            self._become(task_id, Status.COMPLETED, None, result=encode_json(answer.result))
        else:
            error = {"code": int(answer.code), "message": answer.message}
            error |= {} if answer.data is None else {"data": answer.data}
            self._become(task_id, Status.FAILED, answer.message, error=encode_json(error))

    def _become(self, task_id: str, status: Status, words: str | None, **outcome: bytes) -> None:
        record = self._table.find(task_id)
        if record is not None and not record.task.terminal:
            task = record.task.moved(status, self._clock(), words)
            self._table.put(msgspec.structs.replace(record, task=task, **outcome))

    def _forget_expired(self) -> None:
        for record in self._table.expire(self._clock()):
            self._stop(record.task.id)

    def _stop(self, task_id: str) -> None:
        scope, ended = self._running.get(task_id, (None, None))
        if scope is not None and ended is not None:
            scope.cancel()
            ended.set()

    # What the server asks of its tasks ----------------------------------------------------------

    def _find(self, params: JsonObject) -> TaskRecord:
        task_id = params.get("taskId")
        record = self._table.find(task_id) if isinstance(task_id, str) else None
        if record is None:
            raise unknown_task()
        return record

    async def _get(self, params: JsonObject, revision: Revision) -> JsonObject:
        return task_wire(self._find(params).task, revision)

    async def _list(self, params: JsonObject, revision: Revision) -> JsonObject:
        if params.get("cursor") is not None:  # there is but one page
            raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: cursor is not one of this list")
        return {"tasks": [task_wire(record.task, revision) for record in self._table.of(ANYBODY)]}

    async def _cancel(self, params: JsonObject, revision: Revision) -> JsonObject:
        task = self._find(params).task
        if task.terminal:
            raise RemoteProtocolError(Code.INVALID_PARAMS, f"The task cannot be cancelled: it is {task.status} already")
        self._become(task.id, Status.CANCELLED, "The task was cancelled by request")
        self._stop(task.id)
        return task_wire(self._find(params).task, revision)

    async def _result(self, params: JsonObject, _: Revision) -> JsonObject:
        task = self._find(params).task
        running = self._running.get(task.id)
        if running is not None and not task.terminal:
            await running[1].wait()
        record = self._find(params)  # it may have expired meanwhile
        if record.result is not None:
            return related(decode_json(record.result), task.id)
        error: Any = decode_json(record.error) if record.error is not None else {}
        raise RemoteProtocolError(
            error.get("code", Code.INTERNAL_ERROR), error.get("message", "The task was cancelled"), error.get("data")
        )


def _tied(answer: Response | ErrorResponse, params: JsonObject) -> Response | ErrorResponse:
    """Tie an answer to the task that the question belongs to (`#associating-task-related-messages`)."""
    meta = params.get("_meta")
    tie = meta.get(RELATED_TASK) if isinstance(meta, dict) else None
    if isinstance(answer, Response) and isinstance(tie, dict) and isinstance(tie.get("taskId"), str):
        return Response(answer.id, related(answer.result, tie["taskId"]))
    return answer
