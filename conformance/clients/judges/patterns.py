"""Judges of what a client does whatever it asks for: metadata, cursors, progress tokens, cancellations, versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.clients.declare import judge
from conformance.clients.offer import CURSORS, SHORT_PAGE
from conformance.clients.said import Said, ended_well, modern, said
from conformance.expect import Blocked, Mismatch, brief, literal
from conformance.monitors.traffic import Key, key
from conformance.transcript import Conversation
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from reference_impl.protocol.methods import PAGINATED

_NOTHING: tuple[Said, ...] = ()


@judge("client.meta-carried", "base.meta.carried")
def meta_carried(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every request of a modern client carries its version and its capabilities in _meta."""
    for item in said(conversation) if modern(conversation) else _NOTHING:
        if item.is_request and item.method != "initialize":
            version, capabilities = item.meta.get(PROTOCOL_VERSION), item.meta.get(CLIENT_CAPABILITIES)
            fine = isinstance(version, str) and isinstance(capabilities, dict)
            wanted = f"{PROTOCOL_VERSION} and {CLIENT_CAPABILITIES}"
            yield None if fine else Mismatch(wanted, brief(item.meta), [item.entry.index])


@judge("client.meta-client-info", "base.meta.client-info")
def meta_client_info(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every request of a modern client tells its name and version in _meta."""
    for item in said(conversation) if modern(conversation) else _NOTHING:
        if item.is_request and item.is_modern:
            information = item.meta.get(CLIENT_INFO)
            fine = isinstance(information, dict) and {"name", "version"} <= information.keys()
            yield None if fine else Mismatch(CLIENT_INFO, brief(item.meta), [item.entry.index])


@judge("client.cursor-opaque", "pagination.cursor.opaque")
def cursor_opaque(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client gives a cursor back as it came."""
    given = [item.result["nextCursor"] for item in said(conversation) if item.result and "nextCursor" in item.result]
    for item in said(conversation):
        if item.method in PAGINATED and "cursor" in item.params:
            # One of another session is as it came; that it is of another is another's finding.
            fine = item.params["cursor"] in (*given, *CURSORS)
            wanted = f"a cursor that was given: {' or '.join(map(literal, given)) or 'none was'}"
            yield None if fine else Mismatch(wanted, literal(item.params["cursor"]), [item.entry.index])


@judge("client.page-size", "pagination.page-size")
def page_size(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that follows a list goes on after an empty page that has a cursor."""
    pages = [item for item in said(conversation) if item.method == "tools/list" and item.result]
    short = [item for item in pages if item.params.get("cursor") == SHORT_PAGE]
    if not short:
        raise Blocked("the client asked for no second page")
    if any(item.params.get("cursor") not in (None, *CURSORS) for item in said(conversation) if item.is_request):
        raise Blocked("the client asked for a page by a cursor that it was not given")
    later = any(item.params.get("cursor") == CURSORS[1] for item in pages)
    if not later and not ended_well(conversation):
        raise Blocked("the client did not end by itself with status 0")
    yield None if later else Mismatch("a request for the next page", "none", [short[-1].entry.index])


@judge(
    "client.progress-tokens",
    "progress.token.type",
    "progress.token.type-legacy",
    "progress.token.unique",
    "progress.token.unique-legacy",
)
def progress_tokens(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A progress token is a string or an integer, and no other request under way has it."""
    under_way: dict[Key, Said] = {}
    for item in said(conversation):
        if not item.is_request or "progressToken" not in item.meta:
            continue
        token = item.meta["progressToken"]
        other = under_way.get(key(token))
        if key(token)[0] not in ("str", "int"):
            yield Mismatch("a string or an integer as progress token", literal(token), [item.entry.index])
        elif other is not None and (other.answer is None or other.answer.index > item.entry.index):
            mismatch = Mismatch("a token of its own", literal(token), [other.entry.index, item.entry.index])
            mismatch.breaks = "progress.token.unique" if modern(conversation) else "progress.token.unique-legacy"
            yield mismatch
        else:
            yield None
        under_way[key(token)] = item


@judge("client.cancels-own", "cancellation.client.own", "cancellation.same-direction")
def cancels_own(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client cancels only requests that it has sent."""
    sent: set[Any] = set()
    for item in said(conversation):
        if item.is_request:
            sent.add(key(item.message["id"]))
        elif item.method == "notifications/cancelled" and "requestId" in item.params:
            fine = key(item.params["requestId"]) in sent
            yield None if fine else Mismatch("the id of a request of its own", brief(item.message), [item.entry.index])


@judge("client.version-refused", "versioning.retried", scenario="refused-version")
def version_refused(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client whose version is refused gives up where it speaks none of those that the error lists."""
    refused: list[Said] = []
    for item in said(conversation) if modern(conversation) else _NOTHING:
        if item.is_request and item.is_modern:
            # To probe again, as on a new connection, is no use of the version; to work on in it is.
            if refused and item.method != "server/discover":
                actual = f"{item.method} in {item.meta.get(PROTOCOL_VERSION)}"
                evidence = [refused[0].entry.index, item.entry.index]
                yield Mismatch("no work in a version that was refused", actual, evidence)
            refused.append(item)
            yield None
