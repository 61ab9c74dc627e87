"""Judges of clients that declare the tasks extension (`extensions/tasks`): what they do with tasks they are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.clients.declare import Twins, compared, judge, judged_by
from conformance.clients.mirrors import decoded
from conformance.clients.said import Said, ended_well, modern, said
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.tasks_handed import ASKING, HANDED, KEY, MISPLACED, MISPLACED_TASK, SLOW
from conformance.expect import Blocked, Mismatch, brief, literal
from conformance.monitors.tasks_requestor import intervals
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.streamable import NAME

_ABOUT = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})
_LISTEN = "subscriptions/listen"

judged_by("client.extension-interval", intervals, "tasks.extension.poll.interval", scenario=HANDED.name)


def _tasks(conversation: Conversation, tool: str) -> Iterator[tuple[Said, str, list[Said]]]:
    """Each call of a tool that became a task, its id, and what the client said about it afterwards."""
    every = said(conversation)
    for item in every:
        if item.method == "tools/call" and item.params.get("name") == tool and item.result is not None:
            identifier = item.result.get("taskId")
            if item.result.get("resultType") == "task" and isinstance(identifier, str):
                yield item, identifier, [later for later in every if _is_about(later, identifier)]


def _is_about(item: Said, identifier: str) -> bool:
    if item.method in _ABOUT:
        return item.params.get("taskId") == identifier
    wanted = item.params.get("notifications")
    listened = wanted.get("taskIds") if item.method == _LISTEN and isinstance(wanted, dict) else None
    return isinstance(listened, list) and identifier in listened


def _methods(about: list[Said]) -> list[str]:
    return [item.method for item in about]


@compared("client.extension-either", "tasks.extension.result.either", scenarios=(PLAIN, HANDED.name))
def either(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client that declares the extension gets along with a task in place of a result."""
    for call, _, about in (*_tasks(conversation, SLOW), *_tasks(conversation, ASKING)):
        if about:
            yield None
        elif all(map(ended_well, twins[PLAIN])) and _failed(conversation):
            wanted = "a client that gets along with a task, as it does with a plain result"
            assert call.answer is not None
            last = conversation.entries[-1]
            yield Mismatch(wanted, last.data.decode(), [call.entry.index, call.answer.index, last.index])


def _failed(conversation: Conversation) -> bool:
    """Whether the client ended by itself, and not well."""
    ends = [entry.data for entry in conversation.entries if entry.direction is Direction.PROCESS]
    return any(end.startswith(b"exit status ") and end != b"exit status 0" for end in ends)


@compared(
    "client.extension-misplaced", "tasks.extension.result.unsupported-method", scenarios=(HANDED.name, MISPLACED.name)
)
def misplaced(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A task in answer to another method than tools/call is no task to the client: it does not ask about it."""
    handed = any(item.result is not None and item.result.get("taskId") == MISPLACED_TASK for item in said(conversation))
    if not handed:
        return
    asked = [item for item in said(conversation) if _is_about(item, MISPLACED_TASK)]
    if asked:
        wanted = "no request about a task that came in answer to tools/list"
        yield Mismatch(wanted, brief(asked[0].message), [asked[0].entry.index])
    elif any(about for twin in twins[HANDED.name] for _, _, about in _tasks(twin, SLOW)):
        yield None
    else:
        raise Blocked("the client asks about no task at all")


@judge("client.extension-until-end", "tasks.extension.poll.until-end", scenario=HANDED.name)
def until_end(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that found its task working asks again, until the task has ended."""
    for _, _, about in _tasks(conversation, SLOW):
        methods = _methods(about)
        if methods.count("tasks/get") > 1 or "tasks/cancel" in methods or _LISTEN in methods:
            yield None
        elif "tasks/get" in methods and ended_well(conversation):
            wanted = "tasks/get again, or tasks/cancel, for a task that was working"
            yield Mismatch(wanted, "neither, to the end of the client", [about[0].entry.index])


@judge("client.extension-name", "tasks.extension.http.name", scenario=HANDED.name)
def name_header(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Requests about tasks have the id of the task in the Mcp-Name header."""
    if conversation.transport != "http" or not modern(conversation):
        return
    for item in said(conversation):
        if item.method in _ABOUT and item.entry.head is not None and isinstance(item.params.get("taskId"), str):
            name = item.entry.head.get(NAME)
            wanted = f"{NAME}: {item.params['taskId']}"
            fine = name is not None and decoded(name) == item.params["taskId"]
            yield None if fine else Mismatch(wanted, literal(name), [item.entry.index])


# What a task asks -----------------------------------------------------------------------------------


def _shown(about: list[Said]) -> list[Said]:
    """The looks that found a question."""
    return [item for item in about if item.result is not None and item.result.get("status") == "input_required"]


def _given(about: list[Said]) -> list[tuple[Said, dict[str, Any]]]:
    """The updates, with the answers that they bring."""
    updates = [item for item in about if item.method == "tasks/update"]
    found = [(item, item.params.get("inputResponses")) for item in updates]
    return [(item, responses if isinstance(responses, dict) else {}) for item, responses in found]


@judge("client.extension-answers", "tasks.extension.input.answered", scenario=HANDED.name)
def answers(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What a task asks is answered by tasks/update, under the key of the question."""
    for _, _, about in _tasks(conversation, ASKING):
        shown, given = _shown(about), _given(about)
        if not shown or "tasks/cancel" in _methods(about):
            continue
        if any(KEY in responses for _, responses in given):
            yield None
        elif given or ended_well(conversation):
            wanted = f"tasks/update with an answer under the key {literal(KEY)}"
            actual = brief([item.message for item, _ in given]) if given else "no tasks/update"
            yield Mismatch(wanted, actual, [shown[0].entry.index, *(item.entry.index for item, _ in given)])


@judge("client.extension-answers-once", "tasks.extension.input.answered-once", scenario=HANDED.name)
def answers_once(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A question that is still shown after it was answered is not answered again."""
    for _, _, about in _tasks(conversation, ASKING):
        given = [item for item, responses in _given(about) if KEY in responses]
        later = [item for item in _shown(about) if given and item.entry.index > given[0].entry.index]
        if len(given) > 1:
            yield Mismatch("one answer to one question", f"{len(given)}", [item.entry.index for item in given])
        elif later:
            yield None


@judge("client.extension-watches", "tasks.extension.input.watched", scenario=HANDED.name)
def watches(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that has answered what a task asks goes on watching the task."""
    for _, _, about in _tasks(conversation, ASKING):
        given = _given(about)
        if not given:
            continue
        later = [item for item in about if item.entry.index > given[0][0].entry.index]
        if any(item.method in ("tasks/get", "tasks/cancel") for item in later) or _LISTEN in _methods(about):
            yield None
        elif ended_well(conversation):
            wanted = "tasks/get after tasks/update, or a subscription to the task"
            yield Mismatch(wanted, "neither, to the end of the client", [given[0][0].entry.index])


@judge("client.extension-cancel", "tasks.extension.cancel.method", scenario=HANDED.name)
def cancel(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task is cancelled by tasks/cancel, and not by the id of the request that brought it."""
    calls = {call.message["id"]: call for tool in (SLOW, ASKING) for call, _, _ in _tasks(conversation, tool)}
    for item in said(conversation):
        if item.method == "notifications/cancelled" and item.params.get("requestId") in calls:
            call = calls[item.params["requestId"]]
            yield Mismatch("tasks/cancel", brief(item.message), [call.entry.index, item.entry.index])
        elif item.method == "tasks/cancel":
            yield None
