"""A server that asks for input and for samples as tasks of the client's (2025-11-25 `basic/utilities/tasks`).

It puts all its questions before it answers the first call of a tool: about one task from its making to its end, about
tasks that there never were, about the list, and about one that it cancels. A client that takes no tasks is asked as if
it did, once, and has to answer plainly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance.capabilities import declares
from conformance.clients.dialogue import Answers, Script, dialogue
from conformance.clients.reply import Message, Reply
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn
from conformance.expect import Inapplicable
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.tasks import RELATED_TASK

__all__ = ["BROUGHT", "NOBODYS", "REQUESTS", "SCENARIO", "TOO_LONG", "UNASKABLE", "kinds"]

NOBODYS = "touchstone-never-issued"
BROUGHT = "touchstone-brought-along"
"""The id that one request wishes for its task."""
TOO_LONG = 10**15
"""Milliseconds: more than 30 000 years."""
_TTL = 60_000
_PAGES = 20
_FORM: Message = {
    "message": "What is your name?",
    "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}
_SAMPLE: Message = {"messages": [{"role": "user", "content": {"type": "text", "text": "Say hello."}}], "maxTokens": 10}
REQUESTS: dict[str, Message] = {"elicitation/create": _FORM, "sampling/createMessage": _SAMPLE}
UNASKABLE: dict[str, Message] = {
    "elicitation/create": {"mode": "touchstone", "message": "There is no such mode."},
    "sampling/createMessage": {"messages": "none"},
}
"""Params that cannot be understood."""


def kinds(capabilities: Any, *, as_tasks: bool) -> list[str]:
    """Return the methods that a client can be asked by, those of which it makes tasks or the others."""
    return [
        method
        for method in REQUESTS
        if declares(capabilities, method.partition("/")[0])
        and declares(capabilities, f"tasks.requests.{method.replace('/', '.')}") is as_tasks
    ]


def _ask(method: str, params: Message, **more: Any) -> Message:
    return {"method": method, "params": {**params, **more}}


def _about(method: str, identifier: str, **more: Any) -> Message:
    return {"method": method, "params": {"taskId": identifier, **more}}


def _made(answers: Answers) -> list[str]:
    """Return the ids of the tasks that answers hand out."""
    results = [answer.get("result") for answer in answers if answer is not None]
    tasks = [result.get("task") for result in results if isinstance(result, dict)]
    return [str(task["taskId"]) for task in tasks if isinstance(task, dict) and "taskId" in task]


def _script(scene: Scene) -> Script:
    capabilities = scene.conversation.capabilities
    for method in kinds(capabilities, as_tasks=False):
        yield [_ask(method, REQUESTS[method])]
        yield [_ask(method, REQUESTS[method], task={"ttl": _TTL})]
    yield [_about(method, NOBODYS) for method in _methods(capabilities)]
    for method in kinds(capabilities, as_tasks=True)[:1]:
        yield from _one(method, capabilities)
        yield from _several(method, capabilities)
        yield from _wrong(method)
        # Last, since it may be more than a client bears.
        yield [_ask(method, REQUESTS[method], task={"ttl": TOO_LONG})]


def _methods(capabilities: Any) -> list[str]:
    return ["tasks/get", "tasks/result", *(["tasks/cancel"] if declares(capabilities, "tasks.cancel") else [])]


def _one(method: str, capabilities: Any) -> Script:
    """One task from its making to its end."""
    yield [_ask(method, REQUESTS[method])]
    made = _made((yield [_ask(method, REQUESTS[method], task={"ttl": _TTL}, _meta={"progressToken": "touchstone"})]))
    if not made:
        return
    first = made[0]
    yield [_about("tasks/get", first)]
    yield [_about("tasks/result", first), _about("tasks/get", first)]
    yield [_about("tasks/get", first)]
    yield [_about("tasks/result", first)]
    if declares(capabilities, "tasks.cancel"):
        yield [_about("tasks/cancel", first)]
    other = _made((yield [_ask(method, REQUESTS[method], task={"ttl": _TTL, "taskId": BROUGHT})]))
    if other:
        yield [_about("tasks/get", other[0], _meta={RELATED_TASK: {"taskId": first}})]


def _several(method: str, capabilities: Any) -> Script:
    """The end of one more, and the list of all."""
    made = _made((yield [_ask(method, REQUESTS[method], task={"ttl": _TTL})]))
    if made and declares(capabilities, "tasks.cancel"):
        yield [_about("tasks/cancel", made[0])]
        yield [_about("tasks/get", made[0])]
        yield [_ask(method, REQUESTS[method])]
        yield [_about("tasks/get", made[0])]
    if declares(capabilities, "tasks.list"):
        yield [{"method": "tasks/list", "params": {"cursor": NOBODYS}}]
        cursor = None
        for _ in range(_PAGES):
            answers = yield [{"method": "tasks/list"} | ({} if cursor is None else {"params": {"cursor": cursor}})]
            result = (answers[0] or {}).get("result")
            cursor = result.get("nextCursor") if isinstance(result, dict) else None
            if not isinstance(cursor, str):
                break


def _wrong(method: str) -> Script:
    """A request that comes to an error, plainly and as a task."""
    yield [_ask(method, UNASKABLE[method])]
    for identifier in _made((yield [_ask(method, UNASKABLE[method], task={"ttl": _TTL})])):
        yield [_about("tasks/result", identifier)]
        yield [_about("tasks/get", identifier)]


def _begin(scene: Scene) -> Behaviour:
    asked = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal asked
        capabilities = scene.conversation.capabilities
        able = "tasks" in capabilities or kinds(capabilities, as_tasks=False)
        if asked or not able or not turn.is_request or turn.method != "tools/call":
            return None
        asked = True
        return replace(turn.usual(), before=dialogue(scene, _script(scene), "touchstone-task"))

    return Behaviour(reply=reply)


def _binds(revision: Revision) -> bool:
    return revision.tasks


def _pointless(plain: Sequence[Conversation]) -> Inapplicable | None:
    for conversation in plain:
        held = conversation.capabilities
        if "tasks" in held or kinds(held, as_tasks=False):
            return None
    return Inapplicable("the client declares neither tasks nor anything that it could be asked for")


SCENARIO = Scenario(
    "tasks-asked",
    "asks for input or samples as tasks of the client's, and about these tasks, before it answers the first call",
    _begin,
    binds=_binds,
    needs=_pointless,
)
