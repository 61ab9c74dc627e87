"""What a server sends on its own account, and where it goes: progress, changes, log messages, questions."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import anyio.abc

from reference_impl.client.answers import Answers
from reference_impl.client.cache import ResultCache
from reference_impl.client.callbacks import inform
from reference_impl.client.caller import Caller
from reference_impl.client.errors import ClientError
from reference_impl.client.settings import DEFAULT_OPTIONS, JsonObject
from reference_impl.client.subscriptions import Subscriptions
from reference_impl.client.task_answers import TaskAnswers
from reference_impl.protocol.messages import Notification, Request, RequestId, Response

__all__ = ["Dispatcher"]

_logger = logging.getLogger(__name__)
_MOST_QUESTIONS = 256
"""Questions under way at most; a server that asks more, or does not read the answers, is not heard."""


class Dispatcher:
    """Sorts incoming messages at once; questions are answered by tasks of their own, so that none holds up the rest."""

    def __init__(self, caller: Caller, cache: ResultCache, answers: Answers, tasks: anyio.abc.TaskGroup) -> None:
        self.subscriptions = Subscriptions()
        self._caller = caller
        self._cache = cache
        self._tasks = tasks
        self._answers = answers
        self._task_answers = TaskAnswers(answers, caller.settings.handlers, tasks)
        self._answering: dict[RequestId, anyio.CancelScope] = {}
        self._questions = 0

    def deliver(self, message: Request | Notification | Response) -> None:
        """Take a message; returns at once."""
        if isinstance(message, Notification):
            self._notified(message)
        elif isinstance(message, Response):
            self._came_too_late(message.result)
        elif self._caller.wire.revision.server_requests:
            self._asked(message)
        else:
            # A modern server may not ask this way, and a modern client may not answer (`stdio#sending-messages`).
            _logger.warning("ignored the request %s, which no server may send", message.method)

    def _came_too_late(self, result: Any) -> None:
        """Cancel the task that a call has become after it was given up: nobody else knows of it (2026-07-28)."""
        match result:
            case {"resultType": "task", "taskId": str(task_id)} if self._caller.wire.revision.modern:
                self._tasks.start_soon(self._cancel_task, task_id)

    async def _cancel_task(self, task_id: str) -> None:
        try:
            await self._caller.call("tasks/cancel", {"taskId": task_id}, DEFAULT_OPTIONS)
        except ClientError as error:
            _logger.debug("task %s was not cancelled: %s", task_id, error)

    def _asked(self, request: Request) -> None:
        if self._questions >= _MOST_QUESTIONS:
            _logger.warning("ignored the request %s: %d are under way", request.method, self._questions)
            return
        self._questions += 1
        self._tasks.start_soon(self._answer, request)

    def _notified(self, notification: Notification) -> None:
        modern = self._caller.wire.revision.modern
        params = notification.params or {}
        if notification.method == "notifications/progress":
            self._caller.progressed(params)
        elif notification.method == "notifications/cancelled" and not modern:
            self._withdrawn(params)
        elif notification.method == "notifications/elicitation/complete" and not self._answers.urls.complete(params):
            return  # unknown or over (`client/elicitation#completion-notifications-for-url-mode-elicitation`)
        else:
            self._cache.notified(notification)
            self.subscriptions.route(notification, modern=modern)
        inform(self._caller.settings.on_notification, notification)

    def _withdrawn(self, params: JsonObject) -> None:
        """Stop working on a question that the server has taken back; one that is unknown or answered is ignored."""
        identifier = params.get("requestId")
        scope = self._answering.get(identifier) if isinstance(identifier, str | int) else None
        _logger.debug("the server took back its request %r: %s", identifier, params.get("reason", "it gave no reason"))
        if scope is not None:
            scope.cancel()

    async def _answer(self, request: Request) -> None:
        wire = self._caller.wire
        with anyio.CancelScope() as scope:
            self._answering[request.id] = scope
            try:
                with self._caller.asked():
                    answer = await self._task_answers.to_request(request, wire.revision)
                await self._caller.tell(answer)
            except ClientError as error:
                _logger.debug("the answer to %s was not delivered: %s", request.method, error)
            finally:
                self._questions -= 1
                if self._answering.get(request.id) is scope:  # a server may use the id of a question it took back
                    del self._answering[request.id]
