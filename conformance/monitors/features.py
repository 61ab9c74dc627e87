"""Monitors of features: logging is declared, subscriptions bring what was asked for, input is asked for in form."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import Asked, key, notifications, requests, revision_of
from conformance.transcript import Conversation, Entry, HttpHead
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, SUBSCRIPTION_ID
from reference_impl.protocol.methods import INPUT_METHODS

_MISSING_CAPABILITY = -32021
_MOST_VALUES = 100
_LEAST_SECRET = 16
_BROUGHT_BY = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
    "notifications/resources/updated": "resourceSubscriptions",
}
"""Notification to the filter member that asks for it."""


def _modern(conversation: Conversation) -> bool:
    revision = revision_of(conversation)
    return revision is not None and revision.modern


@monitor("logging.declared", "logging.declared")
def logging_declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Log messages come only from a server that declares logging."""
    if conversation.revision is None or not conversation.capabilities:
        return
    for entry, message, _ in notifications(conversation):
        if message["method"] == "notifications/message":
            declared = "logging" in conversation.capabilities
            yield None if declared else Mismatch("a declared logging capability", brief(message), [entry.index])


@monitor("logging.secrets", "logging.secrets")
def logging_secrets(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No log message holds the credentials that we sent."""
    secrets = {secret for entry in conversation.sent() if entry.head for secret in _credentials(entry.head)}
    for _, message, params in notifications(conversation) if secrets else ():
        if message["method"] == "notifications/message":
            told = json.dumps(params, ensure_ascii=False)
            hidden = functools.reduce(lambda text, secret: text.replace(secret, "…"), secrets, told)
            # The message is not shown as it came: our report is to hold no credentials either.
            yield None if hidden == told else Mismatch("no credentials in a log message", brief(hidden))


def _credentials(head: HttpHead) -> Iterator[str]:
    """What the Authorization headers of a request hold, without the scheme; short ones could stand anywhere."""
    for name, value in head.headers:
        secret = value.rpartition(" ")[2]
        if name == "authorization" and len(secret) >= _LEAST_SECRET:
            yield secret


_LISTS = frozenset({"tools", "prompts", "resources"})


@monitor(
    "capabilities.changes-declared",
    "prompts.capability.respected",
    "lifecycle.operation.capabilities",
    "lifecycle.operation.capabilities-should",
)
def changes_declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Lists whose changes are told of have listChanged declared."""
    if conversation.revision is None or not conversation.capabilities:
        return
    for entry, message, _ in notifications(conversation):
        feature, _, change = message["method"].removeprefix("notifications/").partition("/")
        if change == "list_changed" and feature in _LISTS and (feature == "prompts" or not _modern(conversation)):
            declared = conversation.capabilities.get(feature)
            fine = isinstance(declared, dict) and declared.get("listChanged") is True
            expected = f"{feature}.listChanged to be declared"
            yield None if fine else Mismatch(expected, brief(message), [entry.index])


@monitor("completion.limit", "completion.values.limit")
def completion_limit(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An answer suggests at most 100 values."""
    for asked in requests(conversation):
        result = asked.answer.value.get("result") if asked.answer and asked.answer.is_message else None
        completion = result.get("completion") if isinstance(result, dict) else None
        values = completion.get("values") if isinstance(completion, dict) else None
        if asked.message["method"] == "completion/complete" and isinstance(values, list):
            fine = len(values) <= _MOST_VALUES
            yield None if fine else _at(asked, f"at most {_MOST_VALUES} values", f"{len(values)} values")


# Subscriptions --------------------------------------------------------------------------------------


@monitor("subscriptions.only-asked", "subscriptions.only-asked")
def only_asked(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A subscription brings only what its filter names."""
    for entry, message, listen in _brought(conversation):
        if listen is not None:
            wanted = listen.params.get("notifications")
            member = _BROUGHT_BY[message["method"]]
            fine = isinstance(wanted, dict) and bool(wanted.get(member))
            evidence = [listen.entry.index, entry.index]
            yield (
                None
                if fine
                else Mismatch(f"no {message['method']}: asked for {brief(wanted)}", brief(message), evidence)
            )


@monitor("subscriptions.marked", "subscriptions.marked")
def marked(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Each notice of a change carries the id of a listen request."""
    for entry, message, listen in _brought(conversation):
        fine = listen is not None
        yield None if fine else Mismatch("the id of a listen request as subscriptionId", brief(message), [entry.index])


def _brought(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any], Asked | None]]:
    """Each notice of a change with the listen request that it names."""
    if not _modern(conversation):
        return
    listens = [asked for asked in requests(conversation) if asked.message["method"] == "subscriptions/listen"]
    by_id = {key(asked.message["id"]): asked for asked in listens}
    for entry, message, params in notifications(conversation):
        if message["method"] in _BROUGHT_BY:
            meta = params.get("_meta")
            yield entry, message, by_id.get(key(meta.get(SUBSCRIPTION_ID) if isinstance(meta, dict) else None))


# Input ----------------------------------------------------------------------------------------------


@monitor("mrtr.requests", "mrtr.result.requests")
def input_requests(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Input requests ask for elicitation, sampling or roots, and are no messages."""
    for asked, result in _questions(conversation):
        questions = result.get("inputRequests")
        for question in questions.values() if isinstance(questions, dict) else ():
            fine = isinstance(question, dict) and question.get("method") in INPUT_METHODS and "id" not in question
            expected = f"a method among {', '.join(sorted(INPUT_METHODS))}, and no id"
            yield None if fine else _at(asked, expected, brief(question))


@monitor("mrtr.missing-capability", "mrtr.missing-capability")
def missing_capability(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An error for want of a client capability names one that the request did not declare."""
    for asked in requests(conversation) if _modern(conversation) else ():
        error = asked.answer.value.get("error") if asked.answer and asked.answer.is_message else None
        if isinstance(error, dict) and error.get("code") == _MISSING_CAPABILITY:
            data = error.get("data")
            wanted = data.get("requiredCapabilities") if isinstance(data, dict) else None
            declared = asked.meta.get(CLIENT_CAPABILITIES)
            fine = isinstance(wanted, dict) and not _covers(declared, wanted)
            expected = f"data.requiredCapabilities to name more than the declared {brief(declared)}"
            yield None if fine else _at(asked, expected, brief(error))


def _covers(declared: Any, wanted: Any) -> bool:
    """Whether everything in `wanted` is declared."""
    if not isinstance(wanted, dict):
        return True
    if not isinstance(declared, dict):
        return not wanted
    return all(name in declared and _covers(declared[name], inner) for name, inner in wanted.items())


def _questions(conversation: Conversation) -> Iterator[tuple[Asked, dict[str, Any]]]:
    for asked in requests(conversation) if _modern(conversation) else ():
        result = asked.answer.value.get("result") if asked.answer and asked.answer.is_message else None
        if isinstance(result, dict) and result.get("resultType") == "input_required":
            yield asked, result


def _at(asked: Asked, expected: str, actual: str) -> Mismatch:
    return Mismatch(expected, actual, [asked.entry.index, asked.answer.index if asked.answer else asked.entry.index])
