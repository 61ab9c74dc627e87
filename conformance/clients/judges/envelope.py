"""Judges of the envelope: ids, shapes, encodings. What binds both sides is judged by the same code as for servers."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import judge, judged_by
from conformance.clients.said import Said, legacy, modern, said, session_of, side_by_side
from conformance.expect import Blocked, Mismatch, brief, literal
from conformance.monitors.content import meta_keys
from conformance.monitors.messages import (
    notification_ids,
    notification_silence,
    response_ids,
    response_shape,
    utf_8,
    version_member,
)
from conformance.monitors.schema import results, server_messages
from conformance.monitors.stream import stdout
from conformance.monitors.traces import trace
from conformance.monitors.traffic import Key, key
from conformance.transcript import Conversation

judged_by("client.version-member", version_member, "base.message.json-rpc")
judged_by("client.notification-ids", notification_ids, "base.notification.no-id")
judged_by("client.notification-silence", notification_silence, "base.notification.no-response")
judged_by("client.utf-8", utf_8, "base.encoding.utf-8")
judged_by("client.response-ids", response_ids, "base.response.id-echo-legacy")
judged_by(
    "client.response-shape",
    response_shape,
    "base.response.result-or-error-legacy",
    "base.response.not-both",
    "base.error.members-legacy",
)
judged_by("client.meta-keys", meta_keys, "audit.meta.keys")


@judge("client.trace", "base.meta.trace")
def trace_context(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Trace context in a client's metadata has the form of the headers that it is named after."""
    yield from trace(conversation)


@judge("client.schema", "base.message.json-rpc", "tasks.id.string", "tasks.ttl.told")
def client_schema(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every message of the client has the members and types that the schema gives it."""
    opening = {item.entry.index for item in said(conversation) if item.is_modern or item.method == "initialize"}
    for body in (server_messages, results):
        for mismatch in body(conversation):
            # The opening has judges of its own, and may be that of another era or revision.
            ours = mismatch is not None and opening.issuperset(mismatch.entries) and not modern(conversation)
            if not ours and not _of_metadata(mismatch):
                yield mismatch


def _of_metadata(mismatch: Mismatch | None) -> bool:
    """Metadata, and the id of a request, have judges of their own."""
    return mismatch is not None and mismatch.actual.startswith(("/params/_meta", "/id", "/params: member '_meta'"))


@judge(
    "client.request-ids",
    "base.request.id",
    "base.request.id-legacy",
    "base.request.id-filled",
    "base.request.id-filled-legacy",
)
def request_ids(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The id of every request is a string or an integer."""
    for item in said(conversation):
        if item.is_request:
            fine = key(item.message["id"])[0] in ("str", "int")
            wanted = "a string or an integer as id"
            yield None if fine else Mismatch(wanted, literal(item.message["id"]), [item.entry.index])


@judge("client.request-ids-unique", "base.request.id-unique", "base.request.id-unique-legacy")
def request_ids_unique(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No request has the id of another: of its session, or in the modern era of one that still waits."""
    seen: dict[tuple[str | None, Key], Said] = {}
    for item in said(conversation):
        if not item.is_request or key(item.message["id"])[0] not in ("str", "int"):
            continue
        if item.method == "initialize" or (item.is_modern and legacy(conversation)):
            seen.clear()  # a session begins here, or a probe went before it
        place = (session_of(item.entry), key(item.message["id"]))
        first = seen.setdefault(place, item)
        over = modern(conversation) and first.answer is not None and first.answer.index < item.entry.index
        if first is item or over:
            seen[place] = item
            yield None
        elif side_by_side(conversation):
            raise Blocked("the client seems to be there more than once, side by side; each has ids of its own")
        else:
            evidence = [first.entry.index, item.entry.index]
            yield Mismatch("an id of its own for each request", f"id {brief(item.message['id'])} twice", evidence)


@judge("client.stdin", "stdio.line.no-newline", "stdio.stdin.messages-only")
def client_stdin(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every line on the server's standard input is one JSON-RPC message."""
    yield from stdout(conversation)
    if conversation.transport == "stdio":
        yield from (None for _ in said(conversation))


@judge("client.no-responses", "stdio.stdin.no-responses", "http.post.no-responses")
def no_responses(conversation: Conversation) -> Iterator[Mismatch | None]:
    """In the era without handshake a client sends no responses."""
    for item in said(conversation) if modern(conversation) else ():
        fine = "method" in item.message
        yield None if fine else Mismatch("a request or a notification", brief(item.message), [item.entry.index])
