"""Judges of eras and versions: how a client finds out what a server speaks, and that it keeps to it."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import Twins, compared, judge
from conformance.clients.said import (
    Said,
    ended,
    http_method,
    initializes,
    legacy,
    modern,
    of_legacy,
    offered_version,
    said,
    session_of,
    side_by_side,
)
from conformance.clients.scenario import PLAIN
from conformance.clients.stdio_stage import STARTED
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.transcript import Conversation, Entry
from reference_impl.protocol.methods import METHODS, NOTIFICATIONS, Method, find
from reference_impl.protocol.revisions import LATEST, REVISIONS, Revision, revision_named

_TABLES: tuple[Method, ...] = (*METHODS, *NOTIFICATIONS)


@judge("client.era-kept", "base.protocol.supported")
def era_kept(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client whose server/discover a modern server has answered goes on without a handshake."""
    found: Said | None = None
    for item in said(conversation) if modern(conversation) else ():
        if found is not None and item.is_request:
            fine = item.method != "initialize"
            evidence = [found.entry.index, item.entry.index]
            yield None if fine else Mismatch("requests with metadata, and no handshake", brief(item.message), evidence)
        elif item.method == "server/discover" and item.result is not None:
            found = item


@judge("client.revision-kept", "lifecycle.operation.revision", "lifecycle.operation.revision-should")
def revision_kept(conversation: Conversation) -> Iterator[Mismatch | None]:
    """After the handshake a client uses what the revision agreed on has, and nothing of another."""
    opened = next((item for item in initializes(conversation) if item.result), None)
    revision = revision_named((opened.result or {}).get("protocolVersion")) if opened is not None else None
    if opened is None or opened.answer is None or revision is None or not legacy(conversation):
        return
    for item in said(conversation):
        # Whoever connects again may find out anew what it connects to.
        probes = item.method == "server/discover" or (item.is_modern and session_of(item.entry) is None)
        if item.method and item.entry.index > opened.answer.index and not probes:
            fine = not item.is_modern and not _of_another(item.method, revision)
            wanted = f"what a client says at {revision.name}"
            yield None if fine else Mismatch(wanted, brief(item.message), [opened.answer.index, item.entry.index])


def _of_another(method: str, revision: Revision) -> bool:
    """Whether a method is the protocol's own, but not the client's to use in a revision."""
    rows = [row for row in _TABLES if row.name == method]
    return bool(rows) and not any(revision in row.window and row.sender != "server" for row in rows)


@judge("client.version-newest", "lifecycle.version.offered-newest", scenario=PLAIN)
def version_newest(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client does not go on in a version newer than the one that it offered."""
    opening = next((item for item in initializes(conversation) if item.result), None)
    offered, played = revision_named(offered_version(conversation)), revision_named(conversation.revision)
    if opening is None or offered is None or played is None or not legacy(conversation):
        return
    if REVISIONS.index(offered) < REVISIONS.index(played):
        went = [
            item for item in of_legacy(conversation) if item.is_request and item.method not in ("initialize", "ping")
        ]
        actual = f"it offered {offered.name}, and goes on at {played.name}"
        evidence = [opening.entry.index, *(item.entry.index for item in went[:1])]
        yield Mismatch("the newest version that it speaks", actual, evidence) if went else None
    else:
        yield None


@judge("client.probe", "stdio.probe.first", "stdio.probe.modern-only", scenario=PLAIN)
def probe(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client of the modern era begins with server/discover over stdio."""
    first = next((item for item in said(conversation) if item.is_request), None)
    if first is None or not modern(conversation):
        return
    mismatch = Mismatch("server/discover as the first request", brief(first.message), [first.entry.index])
    mismatch.breaks = "stdio.probe.first" if initializes(conversation) else "stdio.probe.modern-only"
    yield None if first.method == "server/discover" else mismatch


@compared("client.fallback", "stdio.fallback.any-error", scenarios=("old-server",))
def fallback(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client of both eras falls back to initialize whatever its probe is refused with."""
    visits = twins["old-server"]
    if not any(map(initializes, visits)):
        raise Inapplicable("the client does not fall back to initialize: it speaks the modern era alone")
    probe = next((item for item in said(conversation) if item.is_modern and item.is_request), None)
    if probe is None:
        return
    if initializes(conversation):
        yield None
    elif probe.answer is None and ended(conversation) is None:
        raise Blocked("the client was still waiting for the answer to its probe")
    else:
        refused = [probe.answer.index] if probe.answer is not None else []
        actual = f"no initialize after {brief(probe.response.get('error')) if refused else 'silence'}"
        yield Mismatch("initialize", actual, [probe.entry.index, *refused])


@judge("client.era-remembered", "versioning.era.remembered", scenario="old-server")
def era_remembered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client of both eras that has found a server to be of the handshake's does not ask it again."""
    opened = next((item for item in initializes(conversation) if item.result), None)
    if opened is None or opened.answer is None:
        raise Inapplicable("the client does not fall back to initialize: it speaks the modern era alone")
    if side_by_side(conversation):
        raise Blocked("the client seems to be there more than once, side by side; each finds out for itself")
    for item in said(conversation):
        if item.is_request and opened.answer.index < item.entry.index < _until(conversation, opened.answer):
            fine = item.method != "server/discover"
            evidence = [opened.answer.index, item.entry.index]
            yield None if fine else Mismatch("no server/discover after the handshake", brief(item.message), evidence)


def _until(conversation: Conversation, since: Entry) -> int:
    """Where what was found out about a server ends: with its process, and over HTTP never."""
    starts = (entry.index for entry in conversation.entries if entry.data == STARTED and entry.index > since.index)
    return next(starts, len(conversation.entries))


@judge("client.fallback-body", "http.fallback.body-read", scenario="refused-version")
def fallback_body(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client does not fall back to initialize where the body of HTTP 400 is an error of the modern era."""
    refused: Said | None = None
    for item in said(conversation):
        if refused is not None and item.method == "initialize":
            evidence = [refused.entry.index, *([refused.answer.index] if refused.answer else []), item.entry.index]
            yield Mismatch("no initialize after error -32022", brief(item.message), evidence)
        elif item.is_modern and item.is_request and http_method(item.entry) == "POST":
            refused = item
            yield None


@compared("client.version-unknown-end", "lifecycle.error.version", scenarios=(PLAIN, "unknown-version"))
def version_unknown_end(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client that is answered with a version it does not know comes to an end in good order."""
    yield from _in_order(conversation, twins, "a version that no client knows")


@compared("client.capabilities-end", "lifecycle.error.capabilities", scenarios=(PLAIN, "bare"))
def capabilities_end(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client that meets a server without capabilities comes to an end in good order."""
    yield from _in_order(conversation, twins, "a server without capabilities")


def _in_order(conversation: Conversation, twins: Twins, before: str) -> Iterator[Mismatch | None]:
    """Judge how a client ends that ends by itself in the plain scenario."""
    usual = ended(twins[PLAIN][0])
    if not initializes(conversation):
        return
    if usual is None or usual < 0:
        raise Blocked("the client does not end by itself before any server")
    status = ended(conversation)
    opening = initializes(conversation)[0]
    evidence = [entry.index for entry in (opening.entry, opening.answer) if entry is not None]
    if status is None:
        yield Mismatch(f"an end before {before}", "the client hung, and had to be ended", evidence)
    else:
        yield None if status >= 0 else Mismatch(f"an end before {before}", f"a crash: signal {-status}", evidence)


@judge("client.extensions", "versioning.extension.one-sided")
def extensions(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client uses no extension towards a server that does not declare it."""
    answered = next((item for item in said(conversation) if item.method == "server/discover" and item.result), None)
    if answered is None or answered.answer is None or not modern(conversation):
        return
    if "extensions" not in conversation.capabilities:
        raise Inapplicable("the client declares no extension")
    capabilities = (answered.result or {}).get("capabilities", {})
    declared = capabilities.get("extensions", {})
    for item in said(conversation):
        if item.is_request and item.entry.index > answered.answer.index:
            row = find(item.method, LATEST)
            fine = row is None or row.extension is None or row.extension in declared
            evidence = [answered.answer.index, item.entry.index]
            yield None if fine else Mismatch("the core protocol alone", brief(item.message), evidence)
