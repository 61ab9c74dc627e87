"""Asking a legacy client: the request, what may go wrong with it, and whether the answer fits.

A client that takes such requests as tasks (2025-11-25, `basic/utilities/tasks`) may be asked that way: it answers at
once with a task, and is asked for the task's state until there is a result.
"""

from __future__ import annotations

import asyncio
from typing import Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import Request
from reference_impl.protocol.tasks import Status, Task, pause, read_task
from reference_impl.schemas import compile_schema
from reference_impl.server.errors import ToolError
from reference_impl.server.exchange import ClientRefusedError, Send, Session
from reference_impl.server.inputs import Question

__all__ = ["ask_client", "checked"]


async def ask_client(session: Session, question: Question, send: Send, timeout: float) -> dict[str, Any]:
    """Return the client's answer, which fits the question. `send` carries what belongs to the request that asks.

    Raises `ToolError` if the client refuses, answers nonsense, or does not answer within `timeout` seconds.
    """
    try:
        return checked(question, await _answer(session, question, send, timeout))
    except ClientRefusedError as error:
        raise ToolError(f"The client refused {question.method}: {error}") from None
    except TimeoutError:
        raise ToolError(f"The client did not answer {question.method} in time") from None
    except RemoteProtocolError as error:
        raise ToolError(error.message) from None


async def _answer(session: Session, question: Question, send: Send, timeout: float) -> Any:
    params = dict(question.params)
    if not session.revision.url_elicitation:
        params.pop("mode", None)  # modes came with 2025-11-25
    if not question.as_task or not _offers(session, "requests", *question.method.split("/")):
        return await session.ask(question.method, params, send, timeout)
    async with asyncio.timeout(timeout):
        params["task"] = {"ttl": int(timeout * 1000)}
        created = await session.ask(question.method, params, send, timeout)
        if not isinstance(created, dict) or "task" not in created:
            return created
        return await _settled(session, read_task(created["task"], session.revision), send, timeout)


def _offers(session: Session, *path: str) -> bool:
    """Tell whether the client declared something in its `tasks` capability."""
    declared: Any = session.capabilities.get("tasks") if session.revision.tasks else None
    for step in path:
        declared = declared.get(step) if isinstance(declared, dict) else None
    return declared is not None


async def _settled(session: Session, task: Task, send: Send, timeout: float) -> Any:
    try:
        # One that needs input of its own gets it by way of the request for the result (`#input-required-status`).
        while not task.terminal and task.status is not Status.INPUT_REQUIRED:
            await asyncio.sleep(pause(task))
            state = await session.ask("tasks/get", {"taskId": task.id}, send, timeout)
            task = read_task(state, session.revision)
        return await session.ask("tasks/result", {"taskId": task.id}, send, timeout)
    except asyncio.CancelledError:
        if _offers(session, "cancel"):
            send(Request(session.calls.new_id(), "tasks/cancel", {"taskId": task.id}))  # nobody waits for the answer
        raise


def checked(question: Question, answer: Any) -> dict[str, Any]:
    """Return `answer` if it can be one to `question`; raises `RemoteProtocolError` (-32602) otherwise."""
    if not isinstance(answer, dict):
        raise _invalid(question, "it must be an object")
    match question.method:
        case "elicitation/create":
            _check_elicitation(question, answer)
        case "sampling/createMessage":
            _check_sample(question, answer)
        case "roots/list":
            roots = answer.get("roots")
            if not isinstance(roots, list) or not all(isinstance(root, dict) for root in roots):
                raise _invalid(question, "roots must be an array of objects")
    return answer


def _check_elicitation(question: Question, answer: dict[str, Any]) -> None:
    if answer.get("action") not in ("accept", "decline", "cancel"):
        raise _invalid(question, "action must be accept, decline or cancel")
    if answer["action"] == "accept" and "requestedSchema" in question.params:
        wrong = compile_schema(question.params["requestedSchema"])(answer.get("content", {}))
        if wrong is not None:
            raise _invalid(question, wrong)


_KINDS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "tool_use": ("id", "name"),
}
"""The kinds of content that a model may answer with, and the strings that each needs (`client/sampling#messages`)."""


def _check_sample(question: Question, answer: dict[str, Any]) -> None:
    if "content" not in answer or answer.get("role") not in ("user", "assistant"):
        raise _invalid(question, "role and content are required")
    content = answer["content"]
    for block in content if isinstance(content, list) else [content]:
        needs = _KINDS.get(str(block.get("type"))) if isinstance(block, dict) else None
        if needs is None or not all(isinstance(block.get(name), str) for name in needs):
            raise _invalid(question, "content is text, an image, audio or the use of a tool")


def _invalid(question: Question, why: str) -> RemoteProtocolError:
    return RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid params: bad answer to {question.method}: {why}")
