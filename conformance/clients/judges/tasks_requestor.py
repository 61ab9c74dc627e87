"""Judges of clients that ask for tasks (2025-11-25 `basic/utilities/tasks`): whom, for what, and what they do then."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.answering import related_to
from conformance.capabilities import declares
from conformance.checks.receiver import Manner
from conformance.clients.declare import Twins, compared, judge, judged_by
from conformance.clients.said import ended_well, said
from conformance.clients.scenarios.tasks_called import CALLED, CLAIMED, ELSEWHERE, QUESTION, WOKEN, manner_of
from conformance.expect import Blocked, Mismatch, brief
from conformance.monitors.tasks_requestor import Look, asked_of_us, cursors, input_fetched, intervals, unrelated
from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.tasks import RELATED_TASK

_CALL = "tools/call"

judged_by("client.task-interval", intervals, "tasks.poll.interval", scenario=CALLED.name)
judged_by("client.task-input", input_fetched, "tasks.input.result-called", scenario=CALLED.name)
judged_by("client.task-requests-related", unrelated, "tasks.related.requests")
judged_by("client.task-cursors", cursors, "tasks.list.cursor-opaque")


# Who is asked for a task ----------------------------------------------------------------------------


@judge("client.task-forbidden", "tasks.tool.forbidden", scenario=CALLED.name)
def forbidden(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A tool that does not say that it runs as a task is called without asking for one."""
    for item in said(conversation):
        if item.method == _CALL and item.params.get("name") == "never_as_task":
            fine = "task" not in item.params
            wanted = "no task member in the call of a tool without execution.taskSupport"
            yield None if fine else Mismatch(wanted, brief(item.message), [item.entry.index])


@judge("client.task-required", "tasks.tool.required", scenario=CALLED.name)
def required(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that makes tasks calls a tool that runs only as a task as one."""
    calls = [item for item in said(conversation) if item.method == _CALL and item.is_request]
    if not any("task" in item.params for item in calls) and not declares(conversation.capabilities, "tasks"):
        # A requestor declares nothing: who knows no tasks and who only asks for none here look alike.
        raise Blocked(
            "the client asks for no task anywhere, so nothing shows whether it knows of tasks; "
            "one that does not leaves it to the server to refuse the call"
        )
    for item in calls:
        if manner_of(item.params.get("name")) is not None:
            fine = "task" in item.params
            wanted = "a task member in the call of a tool whose execution.taskSupport is required"
            yield None if fine else Mismatch(wanted, brief(item.message), [item.entry.index])


@judge("client.task-claimed", "tasks.tool.undeclared", "tasks.request.declared", scenario=CLAIMED.name)
def claimed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Of a server that does not declare tasks of tools no call asks for one, whatever its tools claim."""
    for item in said(conversation):
        if item.method == _CALL:
            wanted = "no task member in a call, since tasks.requests.tools.call is not declared"
            fine = "task" not in item.params
            yield None if fine else Mismatch(wanted, brief(item.message), [item.entry.index])


@judge("client.task-methods", "tasks.request.declared", scenario=CALLED.name)
def methods(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Of a server that declares tasks of tools alone nothing but their calls asks for a task."""
    for item in said(conversation):
        if item.is_request and item.method not in (_CALL, "initialize") and not item.is_modern:
            fine = "task" not in item.params
            wanted = f"no task member in {item.method}, of which the server declares no tasks"
            yield None if fine else Mismatch(wanted, brief(item.message), [item.entry.index])


@judge("client.task-undeclared", "tasks.request.undeclared")
def undeclared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server that declares no tasks at all is not asked for one."""
    for item in said(conversation):
        if item.method == _CALL and not declares(_declared(conversation), "tasks"):
            fine = "task" not in item.params
            wanted = "no task member in a request to a server without tasks"
            yield None if fine else Mismatch(wanted, brief(item.message), [item.entry.index])


def _declared(conversation: Conversation) -> object:
    """Return what our server declared; nothing before it has."""
    for item in said(conversation):
        if item.method == "initialize" and item.result is not None:
            return item.result.get("capabilities")
    return None


# What comes after that ------------------------------------------------------------------------------


def _made(conversation: Conversation, manner: Manner) -> Iterator[tuple[str, list[Look]]]:
    """Each task of a manner that we made, and the requests about it."""
    about = asked_of_us(conversation)
    for item in said(conversation):
        task = item.result.get("task") if item.result is not None else None
        if item.method == _CALL and isinstance(task, dict) and manner_of(item.params.get("name")) is manner:
            yield task["taskId"], [look for look in about if look.task == task["taskId"]]


def _word(conversation: Conversation, identifier: str, text: str = "") -> Entry | None:
    """Return the notification that told of a task, whose text is the one given."""
    for entry in conversation.entries:
        if entry.direction is Direction.SENT and entry.is_notification():
            params = entry.value.get("params") or {}
            if params.get("taskId") == identifier and text in params.get("statusMessage", ""):
                return entry
    return None


@judge("client.task-outcome", "tasks.poll.no-notifications-needed", scenario=CALLED.name)
def outcome(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client asks about its task, although no notification tells it to."""
    for identifier, about in _made(conversation, Manner.QUIET):
        word = _word(conversation, identifier, WOKEN)
        if about and (word is None or about[0].entry.index < word.index):
            yield None
        elif about and word is not None:
            actual = "nothing for 4 s, until a notification told of the end"
            yield Mismatch("a request about the task, unasked", actual, [word.index, about[0].entry.index])


@judge("client.task-told", "tasks.poll.despite-notifications", scenario=CALLED.name)
def told(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client goes on asking about a task of which a notification told something."""
    follows = any(about for _, about in _made(conversation, Manner.QUIET))
    for identifier, about in _made(conversation, Manner.TELLS):
        word = _word(conversation, identifier)
        if about:
            yield None
        elif follows and word is not None and ended_well(conversation):
            wanted = "tasks/get or tasks/result after a notification that the task is working"
            yield Mismatch(wanted, "none, where the client asks about tasks of which it is told nothing", [word.index])


@judge("client.task-until-end", "tasks.poll.until-end", scenario=CALLED.name)
def until_end(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that found its task working asks again, until the task has ended."""
    for _, about in _made(conversation, Manner.QUIET):
        looks = [look for look in about if look.method == "tasks/get"]
        if len(looks) > 1 or any(look.method != "tasks/get" for look in about):
            yield None
        elif looks and ended_well(conversation):
            wanted = "tasks/get again, or tasks/result or tasks/cancel, for a task that was working"
            yield Mismatch(wanted, "neither, to the end of the client", [looks[0].entry.index])


# What a task asks -----------------------------------------------------------------------------------


def _questions(conversation: Conversation) -> Iterator[tuple[Entry, Entry | None]]:
    """Each question of a task, and its answer."""
    for entry in conversation.entries:
        asked = entry.direction is Direction.SENT and entry.is_request()
        if asked and str(entry.value["id"]).startswith(QUESTION):
            answers = (later for later in conversation.received() if later.is_response())
            yield entry, next((later for later in answers if later.value.get("id") == entry.value["id"]), None)


@judge("client.task-related", "tasks.related.every", scenario=(CALLED.name, ELSEWHERE.name))
def related(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The answer to what a task asks names that task in its metadata."""
    for asked, answer in _questions(conversation):
        result = answer.value.get("result") if answer is not None else None
        if answer is not None and isinstance(result, dict):
            wanted = related_to(asked.value)
            fine = related_to(result) == wanted
            expected = f"{RELATED_TASK} {brief(wanted)} in the answer"
            yield None if fine else Mismatch(expected, brief(answer.value), [asked.index, answer.index])


@compared("client.task-elsewhere", "tasks.http.any-stream", scenarios=(CALLED.name, ELSEWHERE.name))
def elsewhere(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """What a task asks is answered also where it comes on the stream that the client opened by GET."""
    usually = any(answer is not None for twin in twins[CALLED.name] for _, answer in _questions(twin))
    for asked, answer in _questions(conversation):
        if answer is not None:
            yield None
        elif usually:
            wanted = "an answer to what a task asks on the stream of GET, as on the stream of tasks/result"
            yield Mismatch(wanted, "none", [asked.index])
