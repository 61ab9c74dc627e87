"""Monitors of shapes: every result and every message of the server's own against the types of the revision spoken.

What another check or monitor judges by name is left to it, so that one defect stays one finding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from conformance import schema
from conformance.check import monitor
from conformance.expect import Blocked, Mismatch
from conformance.monitors.traffic import messages, requests, responses
from conformance.schema import Violation
from conformance.transcript import Conversation, Entry

_JUDGED_ELSEWHERE: dict[str, str] = {
    "jsonrpc": "base.version-member",
    "id": "base.notification-ids",
    "resultType": "flow.result-type",
    "ttlMs": "the checks of caching",
    "cacheScope": "the checks of caching",
    "inputRequests": "flow.input-capabilities",
}
"""Top-level members that have a judge of their own, and who that is."""

_JUDGED_IN: dict[str, frozenset[str]] = {
    "InitializeResult": frozenset({"protocolVersion", "capabilities", "serverInfo"}),
    "DiscoverResult": frozenset({"supportedVersions"}),
    "GetTaskResult": frozenset({"result", "error"}),
}
"""Further members that have a judge of their own in one definition."""

_ANNOUNCED = {"input_required": "InputRequiredResult", "task": "CreateTaskResult"}
"""Result types that announce a definition of their own, the core protocol's and the tasks extension's."""

_NAMED = (
    (re.compile(r"/tools/\d+(: member 'inputSchema' is missing|/inputSchema: .*)"), "tools.input-schema.object"),
    (
        re.compile(r"/messages/\d+/content/resource(: none of the members 'text', 'blob' is there|/(text|blob): .*)"),
        "prompts.embedded.content",
    ),
    (re.compile(r"the object: none of the members 'inputRequests', 'requestState' is there"), "mrtr.result.something"),
    (
        re.compile(r"(the object|/task|/tasks/\d+)(: member 'taskId' is missing|/taskId: .*)|/taskId: .*"),
        "tasks.id.string",
    ),
    (re.compile(r"the object: member 'ttl' is missing|/ttl: .*"), "tasks.ttl.told"),
)
"""Departures from the schema that a sentence of the specification forbids by name, and its row."""

_OF_QUESTIONS = (
    (re.compile(r"ElicitRequest /params(: member 'message' is missing|/message: .*)"), "elicitation.request.message"),
    (
        re.compile(r"ElicitRequest /params(: member 'requestedSchema' is missing|/requestedSchema: .*)"),
        "elicitation.form.request",
    ),
    (
        re.compile(r"ElicitRequest /params(: member '(url|elicitationId)' is missing|/(url|elicitationId): .*)"),
        "elicitation.url.request",
    ),
    (
        re.compile(r"CreateMessageRequest /params/messages/\d+(: member '(role|content)' is missing|/role: .*)"),
        "sampling.messages.members",
    ),
)
"""The same for questions, after the name of the definition."""

_SHOWN = 3
_MISSING = "member {!r} is missing"


@monitor(
    "schema.results",
    *("base.message.schema", "tools.input-schema.object", "prompts.embedded.content", "mrtr.result.something"),
    *("tasks.id.string", "tasks.ttl.told"),
)
def results(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every result has the members and types that the schema gives the results of its method."""
    known = _known_messages(conversation)
    for asked in requests(conversation):
        answer, method = asked.answer, asked.message["method"]
        result = answer.value.get("result") if answer is not None and answer.is_message else None
        if answer is None or not isinstance(result, dict) or not isinstance(method, str) or method not in known:
            continue
        candidates = announced(known[method].results, result)
        if candidates:
            nearest, found = _nearest(conversation, candidates, result)
            yield _mismatch(f"{nearest} as the result of {method}", found, answer)


_QUESTION_ROWS = ("elicitation.request.message", "elicitation.form.request", "elicitation.url.request")


@monitor("schema.messages", "base.message.schema", *_QUESTION_ROWS)
def server_messages(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every request and notification of the server has the members and types that the schema gives it."""
    known = _known_messages(conversation)
    for entry in conversation.received():
        for message in messages(entry):
            if isinstance(method := message.get("method"), str) and method in known:
                yield _mismatch(*_nearest(conversation, (known[method].definition,), message), entry)


@monitor("schema.questions", "base.message.schema", *_QUESTION_ROWS, "sampling.messages.members")
def questions(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every question in a result has the members and types that the schema gives it."""
    known = _known_messages(conversation)
    for entry, message in responses(conversation):
        result = message.get("result")
        asked = result.get("inputRequests") if isinstance(result, dict) else None
        for question in asked.values() if isinstance(asked, dict) else ():
            method = question.get("method") if isinstance(question, dict) else None
            if isinstance(method, str) and method in known:
                yield _mismatch(*_nearest(conversation, (known[method].definition,), question), entry)


def _known_messages(conversation: Conversation) -> Any:
    """Return the types of the revision spoken. Raises `Blocked` where they are not transcribed."""
    if conversation.revision is None:
        return {}
    if not schema.has_revision(conversation.revision):
        raise Blocked(f"the message types of {conversation.revision} are not transcribed")
    return schema.messages(conversation.revision)


def announced(results: tuple[str, ...], result: dict[str, Any]) -> tuple[str, ...]:
    """Return the definitions that a result may have, nothing where its type is an extension's or out of place."""
    kind = result.get("resultType")
    if kind in _ANNOUNCED:
        return tuple(name for name in results if name == _ANNOUNCED[kind])
    if kind == "complete":
        return tuple(name for name in results if name not in _ANNOUNCED.values())
    if kind is not None:
        return ()
    return tuple(name for name in results if name != "InputRequiredResult")


def _nearest(
    conversation: Conversation, definitions: tuple[str, ...], value: dict[str, Any]
) -> tuple[str, tuple[Violation, ...]]:
    """Return the definition that the value was evidently meant for, and how it departs from that."""
    assert conversation.revision is not None
    return _judged(conversation.revision, definitions, json.dumps(value))


@lru_cache(maxsize=4096)
def _judged(revision: str, definitions: tuple[str, ...], text: str) -> tuple[str, tuple[Violation, ...]]:
    """Judge a value once, however often it was sent."""
    left = [(name, _left(name, found)) for name, found in schema.ranked(revision, definitions, json.loads(text))]
    return next((one for one in left if not one[1]), left[0])


def _left(definition: str, found: list[Violation]) -> tuple[Violation, ...]:
    ours = frozenset(_JUDGED_ELSEWHERE) | _JUDGED_IN.get(definition, frozenset())
    return tuple(violation for violation in found if not any(_concerns(violation, member) for member in ours))


def _concerns(violation: Violation, member: str) -> bool:
    missing = violation.pointer == "" and violation.message == _MISSING.format(member)
    return missing or violation.pointer == f"/{member}" or violation.pointer.startswith(f"/{member}/")


def _mismatch(expected: str, found: Sequence[Violation], entry: Entry) -> Mismatch | None:
    if not found:
        return None
    told = [f"{violation.pointer or 'the object'}: {violation.message}" for violation in found[:_SHOWN]]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    mismatch = Mismatch(expected, "; ".join(told) + more, [entry.index])
    named = [row for pattern, row in _NAMED if pattern.fullmatch(told[0])]
    named += [row for pattern, row in _OF_QUESTIONS if pattern.fullmatch(f"{expected} {told[0]}")]
    mismatch.breaks = next(iter(named), "base.message.schema")
    return mismatch
