"""Judges of the headers that mirror arguments, names and URIs, and of how a client reads the names of ours."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import Twins, compared, judge
from conformance.clients.mirrors import Mirror, decoded, mirrors, needs_encoding
from conformance.clients.offer import HEADER_TOOL
from conformance.clients.said import Said, calls_tools, http_method, modern, said
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.headers import MOVED, NEW_HEADER, TOOLS, locate
from conformance.expect import Blocked, Mismatch, literal
from conformance.transcript import Conversation
from reference_impl.protocol.errors import Code
from reference_impl.protocol.streamable import NAME, PARAM_PREFIX

_SCENARIO = "headers"
_LOUD = "=?base64?"
_SCHEMAS = {tool["name"]: tool["inputSchema"] for tool in TOOLS}
_PLAIN_SCHEMAS = {HEADER_TOOL["name"]: HEADER_TOOL["inputSchema"]}
_SAFE = 2**53 - 1


def _mirrors(conversation: Conversation) -> Iterator[Mirror]:
    """Every argument with a header that the client has called a tool with. Raises `Blocked` if it calls none."""
    if not modern(conversation):
        return
    if not calls_tools(conversation):
        raise Blocked("the client calls no tool")
    schemas = _SCHEMAS if conversation.purpose == _SCENARIO else _PLAIN_SCHEMAS
    for item in said(conversation):
        name = item.params.get("name")
        if item.method == "tools/call" and isinstance(name, str) and http_method(item.entry) == "POST":
            yield from mirrors(item, schemas.get(name, {}))


def _wrong(mirror: Mirror, wanted: str) -> Mismatch:
    given = "no such header" if mirror.given is None else literal(mirror.given)
    return Mismatch(f"{mirror.header}: {wanted}", given, [mirror.item.entry.index])


@judge("client.http-param", "http.param.sent", scenario=(PLAIN, _SCENARIO))
def sent(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An argument whose schema has an x-mcp-header travels in its Mcp-Param header too."""
    for mirror in _mirrors(conversation):
        if not mirror.absent and len(mirror.path) == 1 and not _special(mirror.text):
            yield None if mirror.mirrored else _wrong(mirror, literal(mirror.text))


def _special(text: str) -> bool:
    return needs_encoding(text) or text.startswith(_LOUD)


@judge("client.param-path", "http.param.path", scenario=_SCENARIO)
def path(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The header of an argument in a nested object has the value at exactly that place."""
    for mirror in _mirrors(conversation):
        if not mirror.absent and len(mirror.path) > 1:
            yield None if mirror.mirrored else _wrong(mirror, f"{literal(mirror.text)}, from {'.'.join(mirror.path)}")


@judge("client.param-omitted", "http.param.omitted", scenario=_SCENARIO)
def omitted(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An argument that is null or not given has no header."""
    for mirror in _mirrors(conversation):
        if mirror.absent and len(mirror.path) == 1:
            yield None if mirror.given is None else _wrong(mirror, "(no such header)")


@judge("client.param-encoded", "http.param.encoded", scenario=_SCENARIO)
def encoded(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A value that no header can carry as it is travels in the Base64 form."""
    for mirror in _mirrors(conversation):
        if not mirror.absent and needs_encoding(mirror.text) and not _loud(mirror.given):
            wrapped = mirror.given is not None and mirror.given.startswith(_LOUD)
            yield None if wrapped and mirror.mirrored else _wrong(mirror, f"the Base64 form of {literal(mirror.text)}")


def _loud(given: str | None) -> bool:
    """Whether a header has the marks in another case."""
    return given is not None and given.lower().startswith(_LOUD) and not given.startswith(_LOUD)


@judge("client.param-marker", "http.param.marker", scenario=_SCENARIO)
def marker(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The marks around an encoded value are in lower case."""
    for mirror in _mirrors(conversation):
        if mirror.given is not None and mirror.given.lower().startswith(_LOUD) and mirror.given != mirror.text:
            yield _wrong(mirror, f"{_LOUD}...?=") if _loud(mirror.given) else None


@judge("client.param-marker-like", "http.param.marker-like", scenario=_SCENARIO)
def marker_like(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A plain value that looks like an encoded one is encoded."""
    for mirror in _mirrors(conversation):
        if not mirror.absent and mirror.text.startswith(_LOUD) and not _loud(mirror.given):
            yield None if mirror.mirrored else _wrong(mirror, f"the Base64 form of {literal(mirror.text)}")


@judge("client.param-safe-integer", "http.param.safe-integer", scenario=_SCENARIO)
def safe_integer(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An integer that is mirrored in a header is one that every JSON parser keeps."""
    for mirror in _mirrors(conversation):
        if isinstance(mirror.value, int | float) and not isinstance(mirror.value, bool):
            fine = abs(mirror.value) <= _SAFE
            evidence = [mirror.item.entry.index]
            yield None if fine else Mismatch("an integer of 53 bits at most", str(mirror.value), evidence)


@judge("client.name-encoded", "http.mirror.name-encoded", scenario=_SCENARIO)
def name_encoded(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A name that plain ASCII cannot carry stands in Mcp-Name in the Base64 form."""
    for item in said(conversation) if modern(conversation) else ():
        name = item.params.get("name")
        if isinstance(name, str) and needs_encoding(name) and item.entry.head is not None:
            given = item.entry.head.get(NAME)
            fine = given is not None and given.startswith(_LOUD) and decoded(given) == name
            wanted = f"{NAME}: the Base64 form of {literal(name)}"
            yield None if fine else Mismatch(wanted, literal(given or "no such header"), [item.entry.index])


@compared("client.header-names", "http.mirror.names", scenarios=(PLAIN, _SCENARIO))
def header_names(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client reads the headers of answers whatever the case of their names."""
    asked = [item for item in said(conversation) if item.is_request]
    if sum(item.is_request for item in said(twins[PLAIN][0])) < 2:
        raise Blocked("the client makes one request and no more")
    answered = [item for item in asked if item.answer is not None]
    if modern(conversation) and answered:
        evidence = [answered[0].entry.index, *([answered[0].answer.index] if answered[0].answer else [])]
        wanted = "a client that goes on, as after names in lower case"
        yield None if len(asked) > 1 else Mismatch(wanted, "nothing more after the first answer", evidence)


@judge("client.param-refreshed", "http.param.refreshed", scenario=_SCENARIO)
def refreshed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client whose call fails for its headers lists the tools again, and calls with the headers of the new schema."""
    refused = next((item for item in said(conversation) if _mismatched(item)), None)
    if refused is None or refused.answer is None:
        raise Blocked(f"the client does not call the tool {MOVED}")
    later = [item for item in said(conversation) if item.entry.index > refused.answer.index]
    listed = next((item for item in later if item.method == "tools/list"), None)
    called = [
        mirror
        for item in later
        if listed is not None and item.entry.index > listed.entry.index and item.params.get("name") == MOVED
        for mirror in mirrors(item, locate(NEW_HEADER)["inputSchema"])
    ]
    fine = any(mirror.mirrored for mirror in called)
    actual = "no tools/list" if listed is None else "no call with it"
    evidence = [refused.entry.index, refused.answer.index]
    yield (
        None if fine else Mismatch(f"tools/list, then a call with {PARAM_PREFIX}{NEW_HEADER.lower()}", actual, evidence)
    )


def _mismatched(item: Said) -> bool:
    error = item.response.get("error")
    return isinstance(error, dict) and error.get("code") == Code.HEADER_MISMATCH
