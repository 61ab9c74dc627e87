"""Judges of the handshake: what a client says first, what it waits for, and which versions it goes on in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.capabilities import declares
from conformance.clients.declare import Twins, compared, judge
from conformance.clients.said import (
    Said,
    ended_well,
    http_method,
    initializes,
    legacy,
    modern,
    of_legacy,
    offered_version,
    said,
    session_of,
    went_on,
)
from conformance.clients.scenario import PLAIN
from conformance.expect import Blocked, Mismatch, brief
from conformance.monitors.traffic import key, requests
from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.methods import find
from reference_impl.protocol.revisions import revision_named
from reference_impl.protocol.streamable import SESSION_ID

_VERSION = "lifecycle.initialize.version"
_CAPABILITIES = "lifecycle.initialize.capabilities"
_INFO = "lifecycle.initialize.client-info"


@judge("client.initialize-first", "lifecycle.first")
def initialize_first(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The first message of the handshake's era is initialize."""
    first = next((item for item in of_legacy(conversation) if "method" in item.message), None)
    if first is not None:
        fine = first.method == "initialize"
        yield None if fine else Mismatch("initialize as the first message", first.method, [first.entry.index])


@judge("client.initialize-params", _VERSION, _CAPABILITIES, _INFO)
def initialize_parameters(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The initialize of a client has its version, its capabilities, and its name."""
    for item in initializes(conversation):
        yield _misshapen(item)


def _misshapen(item: Said) -> Mismatch | None:
    information = item.params.get("clientInfo")
    given = information if isinstance(information, dict) else {}
    named = all(isinstance(given.get(part), str) for part in ("name", "version"))
    rules = (
        (_VERSION, "protocolVersion, a string", isinstance(item.params.get("protocolVersion"), str)),
        (_CAPABILITIES, "capabilities, an object", isinstance(item.params.get("capabilities"), dict)),
        (_INFO, "clientInfo with name and version", named),
    )
    for requirement, wanted, fine in rules:
        if not fine:
            mismatch = Mismatch(wanted, brief(item.params), [item.entry.index])
            mismatch.breaks = requirement
            return mismatch
    return None


@judge("client.initialize-awaited", "lifecycle.initialize.awaited")
def initialize_awaited(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Until initialize is answered, the client asks for nothing but ping."""
    for opening in initializes(conversation) if legacy(conversation) else ():
        until = opening.answer.index if opening.answer is not None else len(conversation.entries)
        early = [
            item
            for item in of_legacy(conversation)
            if opening.entry.index < item.entry.index < until and item.method not in ("ping", "initialize", "")
            if session_of(item.entry) is None
        ]
        yield None if not early else Mismatch("nothing but ping", early[0].method, [early[0].entry.index])


@judge("client.initialized", "lifecycle.initialized.sent")
def initialized(conversation: Conversation) -> Iterator[Mismatch | None]:
    """After initialize the client sends notifications/initialized before it asks for anything."""
    ready: set[str | None] = set()
    for item in of_legacy(conversation):
        session = session_of(item.entry)
        if item.method == "initialize":
            ready.clear()
        elif item.method == "notifications/initialized":
            ready.add(session)
        elif item.is_request and item.method != "ping" and _opened_before(conversation, item):
            # Whoever forgets the session id is told so elsewhere.
            fine = bool(ready)
            yield None if fine else Mismatch("notifications/initialized first", item.method, [item.entry.index])


def _opened_before(conversation: Conversation, item: Said) -> bool:
    """Whether an initialize had succeeded when something was said."""
    answers = [opening.answer for opening in initializes(conversation) if opening.result and opening.answer is not None]
    return any(answer.index < item.entry.index for answer in answers)


@judge("client.initialize-kept", "cancellation.initialize")
def initialize_kept(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client never cancels its initialize."""
    openings = {key(item.message.get("id")) for item in initializes(conversation)}
    others = {key(item.message["id"]) for item in said(conversation) if item.is_request and item.method != "initialize"}
    for item in of_legacy(conversation):
        if item.method == "initialize":
            yield None
        elif item.method == "notifications/cancelled" and key(item.params.get("requestId")) in openings - others:
            yield Mismatch("no cancellation of initialize", brief(item.message), [item.entry.index])


@judge(
    "client.version-offered",
    "lifecycle.version.offered",
    "base.protocol.supported-legacy",
    "stdio.supported",
    scenario=PLAIN,
)
def version_offered(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that is answered with the version that it offered goes on."""
    opening = next(iter(initializes(conversation)), None)
    if opening is not None and legacy(conversation) and offered_version(conversation) == conversation.revision:
        fine = went_on(conversation)
        actual = f"nothing after the answer to initialize at {conversation.revision}"
        yield None if fine else Mismatch("a client that goes on", actual, [opening.entry.index])


@judge("client.version-unknown", "lifecycle.version.unsupported", scenario="unknown-version")
def version_unknown(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that is answered with a version it does not know asks for nothing more."""
    opening = next((item for item in initializes(conversation) if item.result), None)
    for item in of_legacy(conversation) if opening is not None else ():
        assert opening is not None
        assert opening.answer is not None
        if item.is_request and item.entry.index > opening.answer.index and item.method not in ("initialize", "ping"):
            evidence = [opening.entry.index, item.entry.index]
            yield Mismatch("no request after a version that no client knows", item.method, evidence)
    if opening is not None:
        yield None


@compared("client.session-renewed", "http.session.renewed", scenarios=("session-lost",))
def session_renewed(conversation: Conversation, _: Twins) -> Iterator[Mismatch | None]:
    """A client whose session is gone (HTTP 404) initializes anew, without a session id."""
    lost = next((entry for entry in _sent(conversation) if entry.head and entry.head.status == 404), None)
    if lost is None:
        raise Blocked("the client made no request in its session that could be refused")
    gone = next(session_of(entry) for entry in conversation.received() if entry.exchange == lost.exchange)
    later = [item for item in said(conversation) if item.entry.index > lost.index and item.is_request]
    openings = [item for item in later if item.method == "initialize"]
    working = [item for item in later if session_of(item.entry) in (gone, None) and not item.is_modern]
    # What was under way when the session was lost shows nothing yet.
    known = [item for item in working if item.method != "ping" and any(_answered(by, item) for by in working)]
    if not openings and not known:
        raise Blocked("the client ended when its session was lost; one that goes on can be judged")
    first = next((item for item in openings if session_of(item.entry) is None), (openings or known)[0])
    fine = first.method == "initialize" and session_of(first.entry) is None
    actual = f"{first.method} {'without' if session_of(first.entry) is None else 'with'} a session id"
    evidence = [lost.index, first.entry.index]
    yield None if fine else Mismatch("initialize without a session id", actual, evidence)


def _answered(item: Said, later: Said) -> bool:
    return item.answer is not None and item.answer.index < later.entry.index


def _sent(conversation: Conversation) -> Iterator[Entry]:
    return (entry for entry in conversation.entries if entry.direction is Direction.SENT)


@judge("client.session-deleted", "http.session.deleted", scenario=PLAIN)
def session_deleted(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that is done ends its session by DELETE."""
    opened = next((entry for entry in _sent(conversation) if entry.head and entry.head.get(SESSION_ID)), None)
    if opened is None or not went_on(conversation):
        return
    if not ended_well(conversation):
        raise Blocked("the client did not end by itself with status 0")
    fine = any(http_method(entry) == "DELETE" for entry in conversation.received())
    yield None if fine else Mismatch("DELETE with the session id at the end", "no DELETE", [opened.index])


@judge(
    "client.capabilities-kept",
    "lifecycle.operation.capabilities",
    "lifecycle.operation.capabilities-should",
    "prompts.capability.respected",
)
def capabilities_kept(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client asks for nothing that needs a capability which the server did not declare."""
    declared: Any = None
    for item in said(conversation) if modern(conversation) else of_legacy(conversation):
        if item.method in ("initialize", "server/discover"):
            declared = (item.result or {}).get("capabilities")
            continue
        if modern(conversation) and not item.method.startswith("prompts/"):
            continue  # only about prompts there is a word in the era without handshake
        revision = revision_named(conversation.revision)
        row = find(item.method, revision) if revision is not None and item.is_request else None
        if row is not None and declared is not None and row.capability is not None:
            # Completion had no capability of its own in the first revisions.
            known = row.capability != "completions" or (revision is not None and revision.completions_capability)
            fine = not known or declares(declared, row.capability)
            wanted = f"no {item.method}: the server declared {', '.join(sorted(declared))}"
            yield None if fine else Mismatch(wanted, brief(item.message), [item.entry.index])


@judge("client.ping", "ping.empty", scenario="stream")
def ping(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client answers ping with an empty result."""
    every = requests(conversation)
    known = {key(asked.message["id"]) for asked in every}
    # An answer under another id is another's finding.
    stray = any(item.method == "" and key(item.message.get("id")) not in known for item in said(conversation))
    for asked in every:
        if asked.message["method"] == "ping" and not (asked.answer is None and stray):
            result = asked.answer.value.get("result") if asked.answer is not None and asked.answer.is_message else None
            fine = isinstance(result, dict) and not result.keys() - {"_meta"}
            actual = brief(asked.answer.value) if asked.answer is not None else "no answer"
            evidence = [asked.entry.index, *([asked.answer.index] if asked.answer is not None else [])]
            yield None if fine else Mismatch("an empty result", actual, evidence)


@judge("client.roots-undeclared", "roots.undeclared", scenario="stream")
def roots_undeclared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client without roots answers roots/list with error -32601."""
    for asked in requests(conversation):
        if asked.message["method"] == "roots/list" and asked.answer is not None and asked.answer.is_message:
            error = asked.answer.value.get("error")
            fine = isinstance(error, dict) and error.get("code") == -32601
            evidence = [asked.entry.index, asked.answer.index]
            yield None if fine else Mismatch("error -32601", brief(asked.answer.value), evidence)
