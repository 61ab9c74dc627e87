"""One task being carried out: its state, what it asks of the client, and what it says on the way.

The handler of a task runs as that of any request does, in an exchange of its own, and what the exchange sends goes
through the run. Changes of state happen at once and are announced; keeping them is the manager's business.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from reference_impl.protocol.errors import Code
from reference_impl.protocol.messages import (
    ErrorResponse,
    Message,
    Notification,
    Request,
    Response,
    decode_json,
    encode_json,
)
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.task_table import TaskRecord
from reference_impl.protocol.tasks import Status, related, task_wire
from reference_impl.server.exchange import Exchange, Send, Session
from reference_impl.server.inputs import Question
from reference_impl.server.tasks.questions import OpenQuestion, OpenQuestions

__all__ = ["TaskRun", "described", "tied"]


class TaskRun:
    """A request that is carried out as a task, or may become one: `live` once it has.

    `start` makes it one and says whether there was room; `changed` is told of every change; `worker` serves the
    request. `session` is the legacy session that hears of the task, as long as it lasts.
    """

    def __init__(
        self,
        exchange: Exchange,
        start: Callable[[TaskRun], Awaitable[bool]],
        changed: Callable[[TaskRun], None],
        clock: Callable[[], float],
        largest_result: int,
    ) -> None:
        self.exchange = copy.copy(exchange)
        self.exchange.run, self.exchange.task = self, None
        self.session: Session | None = exchange.session
        self.live = False
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.worker: asyncio.Task[Response | ErrorResponse] | None = None
        self.questions = OpenQuestions()
        self.saving = asyncio.Lock()
        self.unsaved = False
        self.change = asyncio.Event()
        self._start, self._changed, self._clock, self._largest = start, changed, clock, largest_result
        self._heard_by: list[Send] = []

    # How it begins ------------------------------------------------------------------------------

    async def start(self) -> bool:
        """Become a task; False if there is no room for one more. Does nothing if it is one already."""
        return self.live or await self._start(self)

    def begin(self, record: TaskRecord) -> None:
        """Go on as the task of this record."""
        self.record = self.seed = record
        self.live = True
        exchange = self.exchange
        exchange.send, exchange.close_stream = self.send, None
        if exchange.revision.modern:
            # Tasks have neither progress nor log messages there (`extensions/tasks#task-status-notifications`).
            exchange.progress_token = exchange.log_level = None
        self.begun.set_result(None)

    def created(self) -> dict[str, Any]:
        """Return the `CreateTaskResult`, with the state that the task began with."""
        task, revision = self.seed.task, self.exchange.revision
        if revision.modern:
            return {"resultType": "task", **task_wire(task, revision)}
        return related({"task": task_wire(task, revision)}, task.id)

    @property
    def patience(self) -> float:
        """How many seconds are left to wait for the client."""
        return max(self.record.expires_at - self._clock(), 0.0)

    # What it says -------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Send what the handler sends on the way: with a request that awaits the result, else with the session."""
        if self.exchange.revision.modern:
            return
        if self._heard_by:
            self._heard_by[-1](tied(message, self.record.task.id))
        elif self.session is not None:
            self.session.send(tied(message, self.record.task.id))

    @contextmanager
    def heard_by(self, send: Send) -> Iterator[None]:
        """Let `send` take what the handler sends, for the length of a block."""
        self._heard_by.append(send)
        try:
            yield
        finally:
            self._heard_by.remove(send)

    def say(self, words: str) -> None:
        """Say in words how it goes; the status stays."""
        if not self.record.task.terminal:
            self._become(self.record.task.status, words)

    # What it asks -------------------------------------------------------------------------------

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, dict[str, Any]]:
        """Ask the client, in the way of its era, and wait for all answers. Raises `ToolError` if it refuses."""
        entries = {key: self.questions.open(key, question) for key, question in questions.items()}
        self._become(Status.INPUT_REQUIRED, "Input is needed to go on")
        try:
            return {key: await entry.answer for key, entry in entries.items()}
        finally:
            for entry in entries.values():
                self.close(entry)

    def answer(self, key: str, outcome: dict[str, Any]) -> None:
        """Take the answer to an open question; a key that names none is ignored."""
        entry = self.questions.find(key)
        if entry is not None:
            entry.settle(outcome)
            self.close(entry)

    def close(self, entry: OpenQuestion) -> None:
        """Take a question away that is answered or of no interest any more; after the last one the work goes on."""
        task = self.record.task
        if self.questions.close(entry) and not task.terminal:
            still = len(self.questions) > 0
            self._become(Status.INPUT_REQUIRED if still else Status.WORKING, task.message if still else None)

    # How it ends --------------------------------------------------------------------------------

    def end(self, message: Response | ErrorResponse) -> None:
        """Take what the request came to; nothing changes a task that has ended before."""
        if self.record.task.terminal:
            return
        if isinstance(message, Response):
            message = self._kept(message)
        if isinstance(message, ErrorResponse):
            error = {"code": int(message.code), "message": message.message}
            error |= {} if message.data is None else {"data": message.data}
            self._become(Status.FAILED, message.message, error=encode_json(error))
            return
        failed = not self.exchange.revision.modern and message.result.get("isError") is True
        status = Status.FAILED if failed else Status.COMPLETED
        self._become(status, _first_text(message.result) if failed else None, result=encode_json(message.result))

    def _kept(self, message: Response) -> Response | ErrorResponse:
        """Return the answer if it can be kept, else the error that takes its place."""
        try:
            size = len(encode_json(message.result))
        except (TypeError, ValueError, RecursionError):
            return ErrorResponse(message.id, Code.INTERNAL_ERROR, "Internal error")
        if size <= self._largest:
            return message
        return ErrorResponse(message.id, Code.INTERNAL_ERROR, f"The result has {size} bytes, which are too many")

    def cancel(self, why: str) -> None:
        """End it as cancelled, whatever its handler does about it, and stop the handler."""
        self.stopped(why)
        if self.worker is not None:
            self.worker.cancel()

    def stopped(self, why: str) -> None:
        """Note that its handler has stopped; no more than a word if the task has ended."""
        if not self.record.task.terminal:
            self._become(Status.CANCELLED, why)

    def _become(self, status: Status, words: str | None, **outcome: bytes) -> None:
        before = self.record.task
        task = before.moved(status, self._clock(), words)
        self.record = msgspec.structs.replace(self.record, task=task, **outcome)
        if task.terminal:
            self.exchange.open = False  # nothing more is said once it has ended
        self.wake()
        if self.exchange.revision.modern or task.status is not before.status:
            self._changed(self)

    def wake(self) -> None:
        """Make those who wait for a change look again."""
        self.change.set()
        self.change = asyncio.Event()


def _first_text(result: dict[str, Any]) -> str | None:
    texts = (block.get("text") for block in result.get("content", ()) if isinstance(block, dict))
    return next((text for text in texts if isinstance(text, str)), None)


def tied(message: Message, task_id: str) -> Message:
    """Return a message with the metadata that ties it to a task; what is about a task says so already (2025-11-25,
    `basic/utilities/tasks#associating-task-related-messages`)."""
    match message:
        case Request(identifier, method, params) if not method.startswith("tasks/"):
            return Request(identifier, method, related(params, task_id))
        case Notification(method, params):
            return Notification(method, related(params, task_id))
    return message


def described(record: TaskRecord, run: TaskRun | None, revision: Revision) -> dict[str, Any]:
    """Return the state of a task as `tasks/get` gives it; `run` is who carries it out, if somebody does."""
    task = record.task
    if not revision.modern:
        return task_wire(task, revision)
    match task.status:
        case Status.COMPLETED if record.result is not None:
            task = msgspec.structs.replace(task, result=decode_json(record.result))
        case Status.FAILED if record.error is not None:
            task = msgspec.structs.replace(task, error=decode_json(record.error))
        case Status.INPUT_REQUIRED:
            task = msgspec.structs.replace(task, input_requests={} if run is None else run.questions.wire())
    return task_wire(task, revision)
