"""Tasks of a server: looked at until they end, told what they ask, and cancelled with the call that made them.

Sources: `extensions/tasks` of 2026-07-28, `basic/utilities/tasks` of 2025-11-25.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from typing import Any

import anyio

from reference_impl.client.callbacks import inform
from reference_impl.client.errors import (
    ClientError,
    InvalidAnswer,
    RequestFailed,
    RequestTimeout,
    TaskCancelled,
)
from reference_impl.client.patience import hurried
from reference_impl.client.requester import Requester
from reference_impl.client.settings import DEFAULT_OPTIONS, CallOptions, JsonObject
from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.tasks import Status, Task, pause, read_task

__all__ = ["Tasks"]

_logger = logging.getLogger(__name__)
_FAREWELL = 2.0
"""Seconds that telling the server of a cancellation may take."""
_MOST_PAGES = 1000


class Tasks:
    """The tasks that this client has on one server. Keep the ids: another connection can ask for the same tasks, where
    the server knows that it is the same client."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    # What can be done with a task ---------------------------------------------------------------

    async def get(self, task_id: str) -> Task:
        """Return the state of a task; from 2026-07-28 on with its result, its error or what it asks."""
        return self._read(await self._ask("tasks/get", task_id))

    async def wait(self, task_id: str, options: CallOptions = DEFAULT_OPTIONS) -> JsonObject:
        """Wait until a task ends and return its result; answer what it asks meanwhile.

        Raises `RequestFailed` if it came to an error, `TaskCancelled`, `RequestTimeout` after `options.task_timeout`,
        and whatever a request raises. The task itself goes on whatever happens here.
        """
        timeout = self._timeout(options)
        try:
            with anyio.fail_after(timeout) as scope, hurried(scope):
                return await self._follow(await self.get(task_id), options)
        except TimeoutError:
            raise RequestTimeout("tasks/get", timeout) from None

    async def list(self) -> list[Task]:
        """Return all tasks of this client (2025-11-25). Raises `NotOffered` where the server lists none."""
        found: list[Task] = []
        params: JsonObject | None = None
        for _ in range(_MOST_PAGES):
            result = await self._requester.request("tasks/list", params)
            tasks, cursor = result.get("tasks"), result.get("nextCursor")
            if not isinstance(tasks, list):
                raise InvalidAnswer("tasks/list: the result holds no list of tasks")
            found += [self._read(task) for task in tasks]
            if not isinstance(cursor, str):
                return found
            params = {"cursor": cursor}
        raise InvalidAnswer("tasks/list: the list has no end")

    async def update(self, task_id: str, responses: JsonObject) -> None:
        """Give a task what it asks for: results by the keys of its input requests (2026-07-28)."""
        await self._ask("tasks/update", task_id, inputResponses=responses)

    async def cancel(self, task_id: str) -> None:
        """Cancel a task. A server of 2025-11-25 refuses where it has ended already, one of 2026-07-28 may let it end as
        it likes."""
        await self._ask("tasks/cancel", task_id)

    async def _ask(self, method: str, task_id: str, **more: Any) -> JsonObject:
        return await self._requester.request(method, {"taskId": task_id, **more})

    # What the calls of tools need ---------------------------------------------------------------

    def created(self, result: JsonObject) -> Task | None:
        """Return the task that a result announces in place of itself, or None if it is the result itself."""
        if result.get("resultType") == "task" and self._requester.agreement.revision.modern:
            return self._read(result)
        if "task" in result and "content" not in result and self._requester.agreement.revision.tasks:
            return self._read(result["task"])
        return None

    async def settle(self, task: Task, options: CallOptions) -> JsonObject:
        """Return the result of a task that a call has made, as `wait` does; a call that is given up takes it along."""
        timeout = self._timeout(options)
        try:
            with anyio.fail_after(timeout) as scope, hurried(scope):
                # What was created says nothing of how it ended, even if it has.
                return await self._follow(await self.get(task.id) if task.terminal else task, options)
        except TimeoutError:
            await self._abandon(task)
            raise RequestTimeout("tools/call", timeout) from None
        except (TaskCancelled, RequestFailed):
            raise  # it has ended by itself
        except (Exception, anyio.get_cancelled_exc_class()):  # also a handler of the user that failed
            await self._abandon(task)
            raise

    async def made(self, call: Awaitable[JsonObject], options: CallOptions) -> JsonObject:
        """Return the result of a call that was asked for as a task (2025-11-25).

        Such a call is not cancelled by the id of its request (`basic/utilities/cancellation#behavior-requirements`): if
        it is given up before the id of its task is known, that is waited for, and the task cancelled.
        """
        asking = asyncio.ensure_future(call)
        try:
            result = await asyncio.shield(asking)
        except asyncio.CancelledError:
            with anyio.move_on_after(_FAREWELL, shield=True), contextlib.suppress(ClientError):
                task = self.created(await asking)
                if task is not None:
                    await self._abandon(task)
            asking.cancel()
            raise
        task = self.created(result)
        return result if task is None else await self.settle(task, options)

    def _timeout(self, options: CallOptions) -> float:
        return options.task_timeout or self._requester.caller.settings.task_timeout

    async def _abandon(self, task: Task) -> None:
        with anyio.move_on_after(_FAREWELL, shield=True):
            try:
                await self.cancel(task.id)
            except ClientError as error:
                _logger.debug("task %s was not cancelled: %s", task.id, error)

    async def _follow(self, task: Task, options: CallOptions) -> JsonObject:
        answered: set[str] = set()
        while True:
            if options.on_status is not None:
                inform(options.on_status, task)
            result = await self._look(task, answered)
            if result is not None:
                return result
            await anyio.sleep(pause(task))
            task = await self.get(task.id)

    async def _look(self, task: Task, answered: set[str]) -> JsonObject | None:
        """Return the result of a task that has one; give one that asks what it has not been given yet."""
        if task.status is Status.CANCELLED:
            raise TaskCancelled(task.message or "the task was cancelled")
        modern = self._requester.agreement.revision.modern
        if task.terminal and modern:
            return _outcome(task)
        if task.status is Status.INPUT_REQUIRED and modern:
            await self._answer(task, answered)
        elif task.terminal or task.status is Status.INPUT_REQUIRED:
            # What the task asks comes with this request, which waits for the end
            # (`basic/utilities/tasks#input-required-status`).
            timeout = self._requester.caller.settings.task_timeout
            return await self._requester.request("tasks/result", {"taskId": task.id}, CallOptions(timeout=timeout))
        return None

    async def _answer(self, task: Task, answered: set[str]) -> None:
        """Answer what a task asks, each question once however often it is seen."""
        new = {key: question for key, question in (task.input_requests or {}).items() if key not in answered}
        if new:
            responses = await self._requester.inputs(new)
            answered.update(new)
            await self.update(task.id, responses)

    def _read(self, value: Any) -> Task:
        try:
            return read_task(value, self._requester.agreement.revision)
        except RemoteProtocolError as error:
            raise InvalidAnswer(error.message) from None


def _outcome(task: Task) -> JsonObject:
    if task.status is Status.FAILED:
        error = task.error or {}
        code = error.get("code")
        raise RequestFailed(
            code if isinstance(code, int) else 0, str(error.get("message", "")), error.get("data"), "tools/call"
        )
    if task.result is None:
        raise InvalidAnswer("the task is completed, but has no result")
    return task.result
