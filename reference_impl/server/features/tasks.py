"""`tools/call` as a task, and the requests about tasks in both eras' ways (`basic/utilities/tasks` of 2025-11-25,
`extensions/tasks` of 2026-07-28)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import decode_json
from reference_impl.protocol.task_table import TaskRecord
from reference_impl.protocol.tasks import (
    declares_extension,
    extension_required,
    read_ttl,
    related,
    task_wire,
)
from reference_impl.server.asking import ask_client, checked
from reference_impl.server.definitions import Tool
from reference_impl.server.errors import ToolError
from reference_impl.server.exchange import Exchange, Send, Session
from reference_impl.server.tasks.questions import OpenQuestion
from reference_impl.server.tasks.run import TaskRun, described, tied

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["as_task", "cancel_task", "get_task", "list_tasks", "task_result", "update_task"]


async def as_task(
    server: AdvancedMCPServer, exchange: Exchange, tool: Tool, params: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the `CreateTaskResult` of a call, or None if it is to be served as usual.

    Raises `RemoteProtocolError` where tool and client do not agree on tasks.
    """
    revision = exchange.revision
    if exchange.run is not None or not server.takes_tasks:
        return None
    if revision.modern:
        return await _as_server_decides(server, exchange, tool, params)
    if not revision.tasks:
        return None
    if "task" not in params:
        if tool.task_support == "required":
            raise RemoteProtocolError(Code.METHOD_NOT_FOUND, f"The tool {tool.name} can only be called as a task")
        return None
    if tool.task_support == "forbidden":
        raise RemoteProtocolError(Code.METHOD_NOT_FOUND, f"The tool {tool.name} cannot be called as a task")
    created = await server.tasks.start(exchange, read_ttl(params["task"]))
    if created is None:
        raise _too_many()
    return created


async def _as_server_decides(
    server: AdvancedMCPServer, exchange: Exchange, tool: Tool, params: dict[str, Any]
) -> dict[str, Any] | None:
    if tool.task_support == "forbidden":
        return None
    if not declares_extension(exchange.capabilities):
        if tool.task_support == "required":
            raise extension_required()
        return None
    if tool.validate(params.get("arguments") or {}) is not None:
        return None  # the answer is known already
    if tool.begins == "handler":
        return await server.tasks.offer(exchange)
    created = await server.tasks.start(exchange, None)
    if created is None and tool.task_support == "required":
        raise _too_many()
    return created


def _too_many() -> RemoteProtocolError:
    return RemoteProtocolError(Code.INTERNAL_ERROR, "There are too many tasks: try again later")


async def get_task(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a task."""
    record, run = await server.tasks.find(exchange, params.get("taskId"))
    return described(record, run, exchange.revision)


async def cancel_task(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Cancel a task. 2025-11-25 wants to see the cancelled task, and hear nothing of one that has ended; 2026-07-28
    wants an acknowledgement of either."""
    record, run = await server.tasks.find(exchange, params.get("taskId"))
    modern = exchange.revision.modern
    if not record.task.terminal:
        task = await server.tasks.cancel(record, run)
        return {} if modern else task_wire(task, exchange.revision)
    if modern:
        return {}
    raise RemoteProtocolError(Code.INVALID_PARAMS, f"The task cannot be cancelled: it is {record.task.status} already")


async def update_task(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Take answers to what a task asks; keys that are not outstanding are ignored (2026-07-28)."""
    _, run = await server.tasks.find(exchange, params.get("taskId"))
    responses = params.get("inputResponses")
    if not isinstance(responses, dict):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: inputResponses must map keys to results")
    if run is not None:
        open_ones = {key: entry for key in responses if (entry := run.questions.find(key)) is not None}
        answers = {key: checked(entry.question, responses[key]) for key, entry in open_ones.items()}
        for key, answer in answers.items():
            run.answer(key, answer)
    return {}


async def list_tasks(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Return one page of the caller's own tasks, oldest first."""
    own = sorted(await server.tasks.own(exchange), key=_place)
    cursor = params.get("cursor")
    if cursor is not None:
        last = _position(cursor)
        own = [record for record in own if _place(record) > last]
    size = server.page_size("tasks/list")
    result: dict[str, Any] = {"tasks": [task_wire(record.task, exchange.revision) for record in own[:size]]}
    if len(own) > size:
        result["nextCursor"] = _cursor(own[size - 1])
    return result


def _place(record: TaskRecord) -> tuple[str, str]:
    """Where a task stands in the list: unlike its number, this stays the same when others expire."""
    return record.task.created_at, record.task.id


def _cursor(record: TaskRecord) -> str:
    return base64.urlsafe_b64encode(" ".join(_place(record)).encode()).decode()


def _position(cursor: object) -> tuple[str, str]:
    try:
        created, task_id = base64.b64decode(str(cursor), altchars=b"-_", validate=True).decode().split(" ")
    except (binascii.Error, ValueError):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: cursor is not one of this list") from None
    return created, task_id


async def task_result(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Return what the request of a task came to, once it has; meanwhile what the task asks and says goes to the client
    with this request (2025-11-25). Raises `RemoteProtocolError` where it came to an error."""
    record, run = await server.tasks.find(exchange, params.get("taskId"))
    if run is not None and exchange.session is not None:
        await _attend(run, exchange.session, exchange.send)
        record = run.record
    if record.result is not None:
        return related(decode_json(record.result), record.task.id)
    if record.error is not None:
        error = decode_json(record.error)
        raise RemoteProtocolError(error["code"], error["message"], error.get("data"))
    told = record.task.message if record.task.terminal else "The task is not being carried out any more"
    raise RemoteProtocolError(Code.INTERNAL_ERROR, told or "The task was cancelled")


async def _attend(run: TaskRun, session: Session, send: Send) -> None:
    """Wait for the end of a task. Its questions are asked in the newest such request: an older one may hang on a
    connection that has gone, and so takes its questions back. After the end of the newest the older asks them anew."""
    with run.heard_by(send):
        async with asyncio.TaskGroup() as asking:
            run.questions.take_back()
            while not run.record.task.terminal:
                change = run.change
                for entry in run.questions.unasked():
                    entry.asker = asking.create_task(_ask(run, entry, session, send))
                await change.wait()


async def _ask(run: TaskRun, entry: OpenQuestion, session: Session, send: Send) -> None:
    own = asyncio.current_task()
    assert own is not None
    entry.answer.add_done_callback(lambda _: own.cancel())  # nobody wants to know it any more
    try:
        answer = await ask_client(
            session, entry.question, lambda message: send(tied(message, run.record.task.id)), run.patience
        )
        run.answer(entry.key, answer)
    except ToolError as error:
        entry.settle(error)
        run.close(entry)
    except ConnectionError:
        pass  # the client has gone
    finally:
        if entry.asker is own:
            entry.asker = None
            run.wake()
