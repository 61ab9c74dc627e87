"""Monitors of who may send what, and when: direction, era, metadata of results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import key, messages, notifications, requests, responses, revision_of
from conformance.transcript import Conversation, Entry
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, LOG_LEVEL, SERVER_INFO
from reference_impl.protocol.methods import METHODS, NOTIFICATIONS, Method
from reference_impl.protocol.revisions import Revision

_CORE_RESULT_TYPES = ("complete", "input_required")
_ASKING = frozenset(row.name for row in METHODS if row.asks)


def _modern(conversation: Conversation) -> bool:
    revision = revision_of(conversation)
    return revision is not None and revision.modern


def _requests_received(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any]]]:
    for entry in conversation.received():
        for message in messages(entry):
            if isinstance(message.get("method"), str) and "id" in message:
                yield entry, message


@monitor("flow.server-requests", "patterns.no-server-requests", "mrtr.asked-in-results")
def server_requests(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A modern server sends no JSON-RPC requests."""
    if not _modern(conversation):
        return
    asking = {entry.index for entry, message in _requests_received(conversation) if not _misnamed(message)}
    for entry in conversation.received():
        if entry.index in asking:
            yield Mismatch("no request from the server", brief(entry.value), [entry.index])
        elif entry.is_message:
            yield None


def _misnamed(message: dict[str, Any]) -> bool:
    """A notification that carries an id is another monitor's finding."""
    return str(message["method"]).startswith("notifications/")


@monitor("flow.before-initialized", "lifecycle.initialized.first")
def before_initialized(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server asks for nothing but pings before the client is initialized."""
    revision = revision_of(conversation)
    if revision is None or revision.modern:
        return
    end = next(
        (
            entry.index
            for entry in conversation.sent()
            if entry.is_notification() and entry.value["method"] == "notifications/initialized"
        ),
        len(conversation.entries),
    )
    early = {entry.index: message for entry, message in _requests_received(conversation) if not _misnamed(message)}
    for entry in conversation.received():
        if entry.index < end and entry.is_message:
            asks = entry.index in early and early[entry.index]["method"] != "ping"
            text = "no request but ping before notifications/initialized"
            yield Mismatch(text, brief(entry.value), [entry.index]) if asks else None


@monitor(
    "flow.known-methods",
    "lifecycle.operation.revision",
    "lifecycle.operation.revision-should",
    "patterns.server-notifications",
)
def known_methods(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What a server sends of the protocol's own methods exists in the revision spoken, in that direction."""
    revision = revision_of(conversation)
    if revision is None:
        return
    for entry, message, _ in notifications(conversation):
        yield _misplaced(entry, message, NOTIFICATIONS, revision)
    if not revision.modern:
        for entry, message in _requests_received(conversation):
            if not _misnamed(message):
                yield _misplaced(entry, message, METHODS, revision)


def _misplaced(entry: Entry, message: dict[str, Any], table: tuple[Method, ...], revision: Revision) -> Mismatch | None:
    """Say what is wrong with a method of the table; one that no revision knows is a vendor's own business."""
    rows = [row for row in table if row.name == message["method"]]
    if not rows or any(revision in row.window and row.sender != "client" for row in rows):
        return None
    return Mismatch(f"what a server may send at {revision.name}", brief(message), [entry.index])


@monitor(
    "flow.cancellation-target",
    "cancellation.server.listen-only",
    "cancellation.server.target",
    "cancellation.same-direction",
)
def cancellation_target(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server cancels only what is its own to cancel: its requests, or in the modern era a subscription."""
    modern = _modern(conversation)
    asked = requests(conversation)
    for entry, message, params in notifications(conversation):
        if message["method"] != "notifications/cancelled" or (not modern and "requestId" not in params):
            continue
        if modern:
            allowed = {key(item.message["id"]) for item in asked if item.message["method"] == "subscriptions/listen"}
        else:
            allowed = {key(request["id"]) for _, request in _requests_received(conversation)}
        owner = "a subscriptions/listen request" if modern else "a request that the server sent"
        fine = key(params.get("requestId")) in allowed
        yield None if fine else Mismatch(f"the id of {owner}", brief(message), [entry.index])


@monitor("flow.log-asked", "logging.only-when-asked", "logging.own-stream")
def log_asked(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Log messages come only while a request that set a log level is under way."""
    if not _modern(conversation):
        return
    asked = [request for request in requests(conversation) if LOG_LEVEL in request.meta]
    for entry, message, _ in notifications(conversation):
        if message["method"] == "notifications/message":
            over_http = conversation.transport == "http"
            # On a stream that all requests share nothing ties a message to its request: any that asked will do.
            fine = any(
                request.entry.exchange == entry.exchange if over_http else request.entry.index < entry.index
                for request in asked
            )
            yield None if fine else Mismatch("log messages only where asked for", brief(message), [entry.index])


@monitor("flow.result-type", "base.result-type.present", "base.result-type.known")
def result_type(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every result of a modern server has a resultType, one of the core protocol's or of a declared extension."""
    if not _modern(conversation):
        return
    extended = bool(conversation.capabilities.get("extensions"))
    for entry, message in responses(conversation):
        result = message.get("result")
        # A task of who declares no extension is told of by the check that asked for it.
        if isinstance(result, dict) and entry.owner != "tasks.extension.undeclared.server":
            named = result.get("resultType")
            fine = named in _CORE_RESULT_TYPES or (extended and isinstance(named, str))
            wanted = "a resultType: " + " or ".join(_CORE_RESULT_TYPES)
            yield None if fine else Mismatch(wanted, brief(result), [entry.index])


@monitor("flow.server-info", "base.meta.server-info")
def server_info(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every result of a modern server says in its metadata whose it is."""
    if not _modern(conversation):
        return
    for entry, message in responses(conversation):
        if isinstance(result := message.get("result"), dict):
            meta = result.get("_meta")
            fine = isinstance(meta, dict) and SERVER_INFO in meta
            yield None if fine else Mismatch(f"_meta with {SERVER_INFO}", brief(result), [entry.index])


@monitor("flow.input-required", "mrtr.methods")
def input_required(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Only tools/call, prompts/get and resources/read are answered with a question."""
    if not _modern(conversation):
        return
    for asked in requests(conversation):
        answer, method = asked.answer, asked.message["method"]
        result = answer.value.get("result") if answer is not None and answer.is_message else None
        if answer is not None and isinstance(result, dict):
            fine = method in _ASKING or result.get("resultType") != "input_required"
            wanted = f"a complete result of {method}"
            yield None if fine else Mismatch(wanted, brief(result), [asked.entry.index, answer.index])


_NEEDS = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}


@monitor("flow.input-capabilities", "mrtr.declared-capabilities")
def input_capabilities(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server asks only for what the request's client capabilities offer."""
    if not _modern(conversation):
        return
    for asked in requests(conversation):
        answer = asked.answer
        result = answer.value.get("result") if answer is not None and answer.is_message else None
        wanted = result.get("inputRequests") if isinstance(result, dict) else None
        declared = asked.meta.get(CLIENT_CAPABILITIES)
        for question in wanted.values() if isinstance(wanted, dict) else ():
            need = _NEEDS.get(str(question.get("method")) if isinstance(question, dict) else "")
            if answer is not None and need is not None:
                fine = isinstance(declared, dict) and need in declared
                text = f"no input request that needs the capability {need}, which was not declared"
                yield None if fine else Mismatch(text, brief(question), [asked.entry.index, answer.index])
