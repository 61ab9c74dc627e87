"""Judges of Streamable HTTP: how a client posts, which headers it sends, and that they say what the body says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from conformance.clients.declare import judge
from conformance.clients.mirrors import decoded
from conformance.clients.said import Said, http_method, initializes, legacy, modern, said
from conformance.clients.scenario import PLAIN
from conformance.expect import Mismatch, brief
from conformance.transcript import NO_JSON, Conversation, Entry
from reference_impl.protocol.lifecycle import PROTOCOL_VERSION as META_VERSION
from reference_impl.protocol.methods import NAMED_BY
from reference_impl.protocol.revisions import revision_named
from reference_impl.protocol.streamable import (
    JSON_TYPE,
    METHOD,
    NAME,
    PROTOCOL_VERSION,
    SESSION_ID,
    SSE_TYPE,
)


def _requests(conversation: Conversation, *methods: str) -> Iterator[Entry]:
    """The HTTP requests of the client with one of these methods."""
    return (entry for entry in conversation.received() if http_method(entry) in methods)


def _header(entry: Entry, name: str) -> str | None:
    return entry.head.get(name) if entry.head is not None else None


def _listed(entry: Entry) -> set[str]:
    """The media types that the Accept headers of a request name."""
    values = [value for name, value in (entry.head.headers if entry.head else ()) if name == "accept"]
    return {item.partition(";")[0].strip().lower() for value in values for item in value.split(",")}


@judge("client.http-post-accept", "http.post.accept")
def post_accept(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The Accept header of every POST names application/json and text/event-stream."""
    for entry in _requests(conversation, "POST"):
        missing = sorted({JSON_TYPE, SSE_TYPE} - _listed(entry))
        actual = f"accept: {_header(entry, 'accept')}"
        yield Mismatch(f"{JSON_TYPE} and {SSE_TYPE}", actual, [entry.index]) if missing else None


@judge("client.http-get-accept", "http.get.accept")
def get_accept(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The Accept header of every GET names text/event-stream."""
    for entry in _requests(conversation, "GET") if legacy(conversation) else ():
        fine = SSE_TYPE in _listed(entry) or not _at_endpoint(entry)
        yield None if fine else Mismatch(SSE_TYPE, f"accept: {_header(entry, 'accept')}", [entry.index])


def _at_endpoint(entry: Entry) -> bool:
    """Whether a request goes to the endpoint; clients ask for metadata elsewhere."""
    return entry.head is not None and entry.head.start.split(" ")[1].partition("?")[0] == "/mcp"


@judge("client.http-post-single", "http.post.single", "http.post.single-legacy", "http.post.batch")
def post_single(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The body of every POST is one message, or where there are batches an array that is not empty."""
    revision = revision_named(conversation.revision)
    for entry in _requests(conversation, "POST") if revision is not None else ():
        batch = isinstance(entry.value, list) and len(entry.value) > 0 and revision is not None and revision.batching
        if not _is_utf_8(entry.data):
            continue  # another's finding
        fine = isinstance(entry.value, dict) or (batch and not _mixed(entry.value))
        actual = brief(entry.data.decode("utf-8", "replace")) if entry.data else "no body"
        yield None if fine else Mismatch("one message", actual, [entry.index])


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _mixed(items: list[Any]) -> bool:
    kinds = {isinstance(item, dict) and "method" in item for item in items}
    return len(kinds) > 1 or not all(isinstance(item, dict) for item in items)


@judge("client.http-post-each", "http.post.each")
def post_each(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every message goes by POST to the endpoint."""
    for entry in conversation.received():
        if entry.value is not NO_JSON and entry.head is not None and _speaks(entry.value):
            fine = http_method(entry) == "POST" and _at_endpoint(entry)
            yield None if fine else Mismatch("POST to the endpoint", entry.head.start, [entry.index])


def _speaks(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and "jsonrpc" in value)


@judge("client.sse-endpoint", "sse.endpoint.used", scenario=(PLAIN, "absolute-endpoint"))
def sse_endpoint(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client posts its messages to the address of the endpoint event."""
    named = [entry for entry in conversation.sent() if entry.data.startswith(b"event: endpoint")]
    targets = [urlsplit(entry.data.split(b"data: ")[1].decode().strip()) for entry in named]
    known = {f"{target.path}?{target.query}" for target in targets}
    for entry in _requests(conversation, "POST") if named else ():
        given = entry.head.start.split(" ")[1] if entry.head is not None else ""
        wanted = f"POST to {' or '.join(sorted(known))}"
        yield None if given in known else Mismatch(wanted, given, [named[-1].index, entry.index])


# The era of the handshake ---------------------------------------------------------------------------


def _after_handshake(conversation: Conversation) -> Iterator[tuple[Entry, Said]]:
    """The HTTP requests to the endpoint after an answer to initialize, with that initialize."""
    if not legacy(conversation):
        return
    openings = [item for item in initializes(conversation) if item.answer is not None and item.result]
    own = {item.entry.index for item in initializes(conversation)}
    probes = {item.entry.index for item in said(conversation) if item.is_modern}
    for entry in _requests(conversation, "POST", "GET", "DELETE"):
        before = [item for item in openings if item.answer is not None and item.answer.index < entry.index]
        if before and entry.index not in own | probes and _at_endpoint(entry):
            yield entry, before[-1]


@judge("client.http-version", "lifecycle.version.header", "http.version.negotiated")
def version_header(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every HTTP request after initialize names the version that was agreed on in MCP-Protocol-Version."""
    for entry, opening in _after_handshake(conversation):
        wanted, given = (opening.result or {}).get("protocolVersion"), _header(entry, PROTOCOL_VERSION)
        if revision_named(wanted) is None:
            continue  # no client knows this version, nor has to name it
        mismatch = Mismatch(f"{PROTOCOL_VERSION}: {wanted}", f"{given or 'no such header'}", [entry.index])
        mismatch.breaks = "lifecycle.version.header" if given is None else "http.version.negotiated"
        yield None if given == wanted else mismatch


@judge("client.http-session", "http.session.returned")
def session_returned(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every HTTP request after initialize carries the session id that the server gave."""
    lost = [entry.index for entry in conversation.sent() if entry.head is not None and entry.head.status == 404]
    for entry, opening in _after_handshake(conversation):
        wanted = _header(opening.answer, SESSION_ID) if opening.answer is not None else None
        if wanted is None or any(opening.entry.index < index < entry.index for index in lost):
            continue
        given = _header(entry, SESSION_ID)
        evidence = [opening.entry.index, entry.index]
        yield None if given == wanted else Mismatch(f"{SESSION_ID}: {wanted}", given or "no such header", evidence)


# The era of metadata --------------------------------------------------------------------------------


def _posted(conversation: Conversation) -> Iterator[Said]:
    """What a modern client posted, once it has found out that the server is modern."""
    if conversation.transport == "http" and modern(conversation):
        yield from (item for item in said(conversation) if item.is_modern and http_method(item.entry) == "POST")


@judge("client.http-modern-version", "http.version.sent", "http.version.equal")
def modern_version(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every POST of a modern client names in MCP-Protocol-Version the version of its metadata."""
    for item in _posted(conversation):
        given, wanted = _header(item.entry, PROTOCOL_VERSION), item.meta.get(META_VERSION)
        mismatch = Mismatch(f"{PROTOCOL_VERSION}: {wanted}", given or "no such header", [item.entry.index])
        mismatch.breaks = "http.version.sent" if given is None else "http.version.equal"
        yield None if given == wanted or (wanted is None and given is not None) else mismatch


@judge("client.http-mirror", "http.mirror.sent", "http.mirror.from-body")
def mirror(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Mcp-Method and Mcp-Name say what the body of the POST says."""
    for item in _posted(conversation):
        wanted = [(METHOD, item.method)]
        # What names a task is the extension's own rule, and has a judge of its own.
        named = None if item.method.startswith("tasks/") else item.params.get(NAMED_BY.get(item.method, ""))
        wanted += [(NAME, named)] if isinstance(named, str) else []
        for header, value in wanted:
            given = _header(item.entry, header)
            if given is None or decoded(given) != value:
                mismatch = Mismatch(f"{header}: {value}", given or "no such header", [item.entry.index])
                mismatch.breaks = "http.mirror.sent" if given is None else "http.mirror.from-body"
                yield mismatch
            else:
                yield None
