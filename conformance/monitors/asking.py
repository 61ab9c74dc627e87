"""Monitors of what servers ask of clients: requests of their own before 2026-07-28, questions in results since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief, literal
from conformance.monitors.traffic import Asked, Key, key, messages, notifications, requests, responses, revision_of
from conformance.transcript import Conversation, Entry


def _asked_of_us(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Every request of the server in the era that has them; what a resumed stream repeats is left out."""
    revision = revision_of(conversation)
    if revision is None or revision.modern:
        return
    for entry in conversation.received():
        for message in messages(entry) if entry.defect is None else ():
            named = message.get("method")
            if isinstance(named, str) and "id" in message and not named.startswith("notifications/"):
                yield entry, message


@monitor(
    "base.server-request-ids",
    "base.request.id-legacy",
    "base.request.id-filled-legacy",
    "base.request.id-unique-legacy",
)
def server_request_ids(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Each request of the server has a string or an integer for its id, and one that it used for no other."""
    seen: dict[Key, tuple[Entry, dict[str, Any]]] = {}
    for entry, message in _asked_of_us(conversation):
        identifier = message["id"]
        kind, _ = key(identifier)
        if kind not in ("int", "str"):
            mismatch = Mismatch("an id that is a string or an integer", literal(identifier), [entry.index])
            mismatch.breaks = "base.request.id-filled-legacy" if identifier is None else "base.request.id-legacy"
            yield mismatch
            continue
        first, earlier = seen.setdefault(key(identifier), (entry, message))
        # The same message on two streams of HTTP is one request that was sent twice: another monitor's finding.
        if first is entry or (conversation.transport == "http" and earlier == message):
            yield None
        else:
            mismatch = Mismatch("an id for each request", f"{literal(identifier)} twice", [first.index, entry.index])
            mismatch.breaks = "base.request.id-unique-legacy"
            yield mismatch


@monitor("progress.server-tokens", "progress.token.type-legacy", "progress.token.unique-legacy")
def server_tokens(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server that asks for progress gives a string or an integer as token, and no two requests under way the same."""
    waiting: dict[Key, Key] = {}
    asked = {entry.index: message for entry, message in _asked_of_us(conversation)}
    for entry in conversation.entries:
        for answer in messages(entry) if entry.index not in asked else ():
            if "method" not in answer:
                waiting = {token: given for token, given in waiting.items() if given != key(answer.get("id"))}
        given, token = asked.get(entry.index, {}).get("id"), _token(asked.get(entry.index))
        if token is None:
            continue
        if token[0] not in ("int", "str"):
            yield Mismatch("a progress token that is a string or an integer", brief(entry.value), [entry.index])
        elif waiting.setdefault(token, key(given)) != key(given):
            yield Mismatch("a progress token of its own for each request", brief(entry.value), [entry.index])
        else:
            yield None


def _token(message: dict[str, Any] | None) -> Key | None:
    params = (message or {}).get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return key(meta["progressToken"]) if isinstance(meta, dict) and "progressToken" in meta else None


@monitor("cancellation.tasks", "cancellation.task")
def task_cancellation(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server that sent a request as a task does not take it back with notifications/cancelled."""
    tasks = {
        key(message["id"])
        for _, message in _asked_of_us(conversation)
        if isinstance(message.get("params"), dict) and "task" in message["params"]
    }
    for entry, message, params in notifications(conversation):
        if tasks and message["method"] == "notifications/cancelled":
            wrong = key(params.get("requestId")) in tasks
            yield Mismatch("tasks/cancel for a task", brief(message), [entry.index]) if wrong else None


@monitor("cancellation.answered", "cancellation.in-progress-legacy")
def answered_cancellation(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server takes no question back whose answer it has taken in: one that it read before a later request of ours."""
    answered: dict[Key, Entry] = {}
    asked = {key(message["id"]) for _, message in _asked_of_us(conversation)}
    for entry in conversation.sent():
        if entry.is_response() and conversation.transport != "http":
            answered.setdefault(key(entry.value.get("id")), entry)
    settled = [request for request in requests(conversation) if request.answer is not None]
    for entry, message, params in notifications(conversation):
        identifier = key(params.get("requestId"))
        if message["method"] == "notifications/cancelled" and identifier in asked:
            ours = answered.get(identifier)
            late = ours is not None and any(_came_between(request, ours, entry) for request in settled)
            evidence = [ours.index, entry.index] if ours is not None else [entry.index]
            yield Mismatch("no cancellation of what was answered", brief(message), evidence) if late else None


def _came_between(request: Asked, first: Entry, last: Entry) -> bool:
    """Whether a request was sent and answered between two entries."""
    assert request.answer is not None
    return first.index < request.entry.index and request.answer.index < last.index


@monitor("mrtr.question-keys", "mrtr.result.keys")
def question_keys(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A result that asks for input has no two questions under one key."""
    revision = revision_of(conversation)
    for entry, message in responses(conversation) if revision is not None and revision.modern else ():
        result = message.get("result")
        if isinstance(result, dict) and isinstance(result.get("inputRequests"), dict):
            doubled = _doubled_key(entry.data)
            actual = f"the key {literal(doubled)} twice"
            yield None if doubled is None else Mismatch("a key for each input request", actual, [entry.index])


def _doubled_key(data: bytes) -> str | None:
    """Return a key that stands twice among the `inputRequests` of a JSON text, which decoding hides."""
    doubled: list[str] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, value in pairs:
            if name == "inputRequests" and isinstance(value, _Members):
                doubled.extend(sorted({each for each in value.names if value.names.count(each) > 1}))
        return _Members(pairs)

    try:
        json.loads(data, object_pairs_hook=build)
    except (ValueError, RecursionError):
        return None
    return doubled[0] if doubled else None


class _Members(dict[str, Any]):
    """An object that remembers the names of its members as they were written."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.names = [name for name, _ in pairs]
