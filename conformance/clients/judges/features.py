"""Judges of small things that clients do with what a server has: names, icons, completions, changes to listen for."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import judge, judged_by
from conformance.clients.said import Said, ended_well, modern, said
from conformance.clients.scenarios.bad_headers import BAD, GOOD
from conformance.clients.scenarios.features import ICON_PATH, ICON_PLACES
from conformance.clients.scenarios.gone import GONE, LONG_GONE
from conformance.clients.stdio_stage import STARTED
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, literal
from conformance.meta_keys import key_flaw
from conformance.monitors.content import meta_prefixes
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES

_TWICE = 2
_CREDENTIALS = ("authorization", "cookie", "proxy-authorization")
_CONNECTED = {"icon-https": "icons.origin", "icon-ws": "icons.unsafe", "icon-ftp": "icons.unsafe"}

judged_by("client.meta-prefixes", meta_prefixes, "audit.meta.reverse-dns")


@judge("client.extension-identifiers", "audit.extension.identifier")
def extension_identifiers(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Identifiers of extensions that a client declares are well-formed keys with a prefix."""
    for item in said(conversation) if modern(conversation) else ():
        capabilities = item.meta.get(CLIENT_CAPABILITIES)
        declared = capabilities.get("extensions") if isinstance(capabilities, dict) else None
        for identifier in declared if isinstance(declared, dict) else ():
            wrong = key_flaw(identifier, prefixed=True)
            wanted = "extension identifiers such as com.example/name"
            yield None if wrong is None else Mismatch(wanted, wrong, [item.entry.index])


@judge("client.tool-names", "tools.name.case")
def tool_names(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client calls a tool by its name as listed, in the same case."""
    every = [item for item in said(conversation) if item.is_request]
    listed = {
        tool["name"] for item in every if item.method == "tools/list" for tool in (item.result or {}).get("tools", ())
    }
    folded = {name.casefold(): name for name in listed}
    for item in every:
        name = item.params.get("name")
        if item.method == "tools/call" and isinstance(name, str) and name.casefold() in folded:
            wanted = literal(folded[name.casefold()])
            yield None if name in listed else Mismatch(wanted, literal(name), [item.entry.index])


@judge("client.icons", "icons.scheme", "icons.unsafe", "icons.no-credentials", "icons.origin", scenario="features")
def icons(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No icon is fetched over HTTP without TLS, by WebSocket or FTP, from another origin, or with credentials."""
    for entry in conversation.beside():
        if entry.direction is Direction.RECEIVED and entry.aside in (ICON_PATH, "icon-http") and entry.head is not None:
            shown = [name for name in _CREDENTIALS if entry.head.get(name) is not None]
            what = f"{entry.head.start}{' with ' if shown else ''}{', '.join(shown)}"
            mismatch = Mismatch("no request for an icon at an http URL", what, [entry.index])
            mismatch.breaks = "icons.no-credentials" if shown else "icons.scheme"
            yield mismatch
        elif entry.direction is Direction.PROCESS and entry.aside in _CONNECTED:
            scheme = ICON_PLACES[entry.aside]
            mismatch = Mismatch(f"no connection for an icon at {scheme}://", "one", [entry.index])
            mismatch.breaks = _CONNECTED[entry.aside]
            yield mismatch
    raise Inapplicable("the client fetched no icon")


@judge("client.completions", "completion.partial", scenario="features")
def completions(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client goes on after completions that are scarce, empty or refused."""
    yield from _goes_on(conversation, "completion/complete", "the client asks for no completion")


@judge("client.listening", "subscriptions.partly-granted", scenario="features")
def listening(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client goes on when not all that it wants to hear of is granted."""
    yield from _goes_on(conversation, "subscriptions/listen", "the client listens for nothing")


@judge("client.listening-renewed", "subscriptions.renewed", scenario="listen-lost")
def listening_renewed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that starts its server again listens again for the same."""
    started = [entry.index for entry in conversation.entries if entry.data == STARTED]
    if len(started) < _TWICE:
        raise Blocked("the client did not start its server again")
    listened = [item for item in said(conversation) if item.is_request and item.method == "subscriptions/listen"]
    before = [item for item in listened if item.entry.index < started[1]]
    after = [item.params.get("notifications") for item in listened if item.entry.index > started[1]]
    if not any(item.is_request and item.entry.index > started[1] for item in said(conversation)):
        raise Blocked("the client said nothing to the server that it had started again")
    for item in before:
        wanted = item.params.get("notifications")
        evidence = [item.entry.index, started[1]]
        yield None if wanted in after else Mismatch(f"to listen again for {brief(wanted)}", brief(after), evidence)


@judge("client.bad-headers", "tools.header.rejected", scenario="bad-headers")
def bad_headers(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Of the tools whose x-mcp-header breaks a rule a client calls none, and it still has the others."""
    calls = [item for item in said(conversation) if item.is_request and item.method == "tools/call"]
    if not calls:
        raise Blocked("the client called no tool: neither the one in order nor any other")
    for item in calls:
        name = item.params.get("name")
        if name in (GOOD, *BAD):
            wanted = "no call of a tool whose x-mcp-header breaks a rule"
            yield None if name == GOOD else Mismatch(wanted, f"a call of {literal(name)}", [item.entry.index])


@judge("client.gone", "resources.not-found.old-code", scenario="gone")
def gone(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Error -32002 is taken as -32602 is: for a resource that does not exist."""
    every = said(conversation)
    reads = {item.params.get("uri"): item for item in every if item.is_request and item.method == "resources/read"}
    if GONE not in reads or LONG_GONE not in reads or reads[GONE].entry.index > reads[LONG_GONE].entry.index:
        raise Blocked("the client did not read both resources that are gone, one after the other")
    yield from _survives(conversation, reads[LONG_GONE])


def _goes_on(conversation: Conversation, method: str, never: str) -> Iterator[Mismatch | None]:
    """Judge whether the client said anything after each answer to a request, or ended well."""
    every = said(conversation)
    asked = [item for item in every if item.is_request and item.method == method]
    if not asked:
        raise Inapplicable(never)
    for item in asked:
        yield from _survives(conversation, item)


def _survives(conversation: Conversation, item: Said) -> Iterator[Mismatch | None]:
    """Judge whether the client asked for anything after what it got for a request, or ended well."""
    later = any(other.is_request and other.entry.index > item.entry.index for other in said(conversation))
    if later or ended_well(conversation):
        yield None
        return
    last = next((entry for entry in conversation.entries if entry.data.startswith(b"exit status")), None)
    if last is None:
        raise Blocked("the client said nothing more, and did not end by itself")
    evidence = [item.entry.index, last.index]
    yield Mismatch("a client that goes on", f"{_answer(item)}, then {last.data.decode()}", evidence)


def _answer(item: Said) -> str:
    return brief(item.answer.value) if item.answer is not None else f"{item.method} was acknowledged"
