"""Requests over Streamable HTTP whose headers say something else than their body, in exactly one way.

The body is sound and the headers are those of a correct client but for one: it is missing, names something else, or
holds what a header cannot hold. In the modern era each is to be refused
(`basic/transports/streamable-http#server-validation`); in a session only a version that nobody knows is
(`basic/transports#protocol-version-header`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.dialects import misfit
from conformance.expect import Inapplicable
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.known import ID
from conformance.properties.messages import request, with_meta
from conformance.properties.property import Ground
from conformance.surface import ToolCall, prompt_arguments
from reference_impl.protocol.lifecycle import PROTOCOL_VERSION as VERSION_FIELD
from reference_impl.protocol.methods import PAGINATED
from reference_impl.protocol.revisions import LATEST_LEGACY, REVISIONS
from reference_impl.protocol.streamable import (
    METHOD,
    NAME,
    PARAM_PREFIX,
    PROTOCOL_VERSION,
    encode_value,
    header_parameters,
)

__all__ = ["HEADER_ROWS", "contradicting_headers", "known_contradictions"]

HEADER_ROWS = (
    *("http.mirror.required", "http.mirror.match", "http.version.required", "http.version.match"),
    *("http.param.required", "http.param.match", "http.param.characters", "http.version.invalid"),
)
"""What a case breaks that is served, or answered otherwise than by a refusal."""

_SOME = 3
"""Listed items of a kind that requests are made for."""
_NOBODYS = "touchstone-another"
_VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=24)
_UNKNOWN = ("1900-01-01", "2999-12-31", "latest", "2026-7-28")
_NO_BASE64 = "=?base64?%%%?="
_SAMPLES: dict[str, Any] = {"string": "touchstone", "integer": 7, "boolean": True}
_REFUSED, _REPLY = Expectation.ERROR, Expectation.REPLY


@dataclass(frozen=True, slots=True)
class _Way:
    """One header that contradicts a message: the values that it may have, the simplest first and None for its
    absence, and the row that demands the refusal."""

    what: str
    message: dict[str, Any]
    header: str
    values: tuple[str | None, ...]
    row: str = ""
    other_than: str | None = None
    """Where any text but this one contradicts, what it is."""

    def case(self, value: str | None) -> Case:
        """Return the case with one of the values."""
        label = f"{self.message['method']} where {self.what}"
        expectation = _REFUSED if self.row else _REPLY
        headers = {self.header: value} if self.header else None
        row = self.row or "base.response.every-request"
        return Case(label, expectation, self.message, headers=headers, row=row, way="header against body")

    def cases(self) -> SearchStrategy[Case]:
        """Return the strategy of all its cases."""
        values: SearchStrategy[str | None] = st.sampled_from(self.values)
        if self.other_than is not None:
            # One that begins the Base64 form could come to the same text again.
            values |= _VISIBLE.filter(lambda text: text != self.other_than and not text.startswith("=?"))
        return values.map(self.case)


def contradicting_headers(ground: Ground) -> SearchStrategy[Case]:
    """Requests one of whose headers contradicts the body. Raises `Inapplicable` where no header says what it says."""
    return st.one_of([way.cases() for way in _ways(ground)])


def known_contradictions(ground: Ground) -> Iterator[Case]:
    """Each value of each way, of the first request that has it."""
    seen = set()
    for way in _ways(ground) if _has_headers(ground) else ():
        if way.what not in seen:
            seen.add(way.what)
            yield from map(way.case, way.values)


def _has_headers(ground: Ground) -> bool:
    return ground.transport == "http" and ground.revision.version_header


def _ways(ground: Ground) -> list[_Way]:
    if not _has_headers(ground):
        raise Inapplicable(
            "no header says what the body says: that is for Streamable HTTP, and not for its first revision"
        )
    if not ground.revision.modern:
        return [way for message in _plain(ground) for way in _of_session(ground, message)]
    found = [way for message in _plain(ground) for way in (*_of_version(ground, message), *_of_method(message))]
    for message, name in _named(ground):
        found += [*_of_method(message), *_of_name(ground, message, name)]
    for call in _calls(ground):
        found += _of_parameters(ground, call)
    return found


# The requests ------------------------------------------------------------------------------------------


def _plain(ground: Ground) -> list[dict[str, Any]]:
    lists = [method for method in PAGINATED if method.partition("/")[0] in ground.capabilities]
    cheap = "server/discover" if ground.revision.modern else "ping"
    return [request(ground.revision, method, request_id=ID) for method in (cheap, *lists)]


def _named(ground: Ground) -> Iterator[tuple[dict[str, Any], str]]:
    """Requests that say in a header what they ask for, with the name that is theirs."""
    surface, declared = ground.surface, ground.capabilities
    asked: list[tuple[str, dict[str, Any], Any]] = []
    if "resources" in declared:
        asked += [("resources/read", {"uri": each.get("uri")}, each.get("uri")) for each in surface.resources[:_SOME]]
    for call in _calls(ground):
        asked.append(("tools/call", call.params, call.tool["name"]))
    for prompt in surface.prompts[:_SOME] if "prompts" in declared else ():
        name = prompt.get("name")
        asked.append(("prompts/get", {"name": name, "arguments": prompt_arguments(prompt)}, name))
    for method, params, name in asked:
        if isinstance(name, str):
            yield request(ground.revision, method, params, request_id=ID), name


def _calls(ground: Ground) -> list[ToolCall]:
    if "tools" not in ground.capabilities:
        return []
    return [call for call in ground.surface.calls() if not ground.surface.is_slow(call)][:_SOME]


# What contradicts them -----------------------------------------------------------------------------------


def _of_session(ground: Ground, message: dict[str, Any]) -> Iterator[_Way]:
    """Of a session only a version that nobody knows is to be refused; that clients send another is theirs to mind."""
    others = tuple(each.name for each in REVISIONS if each != ground.revision)
    what = "MCP-Protocol-Version names {}".format
    yield _Way(what("no revision"), message, PROTOCOL_VERSION, _UNKNOWN, "http.version.invalid")
    yield _Way(what("another revision than was agreed on"), message, PROTOCOL_VERSION, others)
    yield _Way("MCP-Protocol-Version is missing", message, PROTOCOL_VERSION, (None,))


def _of_version(ground: Ground, message: dict[str, Any]) -> Iterator[_Way]:
    # With other versions a server of both eras may take the request for one of the other.
    row = "" if ground.dual_era else "http.version.match"
    legacy = tuple(each.name for each in REVISIONS if not each.modern)
    what, row_unknown = "MCP-Protocol-Version names {}".format, "http.version.match"
    yield _Way(what("no revision"), message, PROTOCOL_VERSION, _UNKNOWN, row_unknown)
    yield _Way(what("an older revision than _meta"), message, PROTOCOL_VERSION, legacy, row)
    required = "" if ground.dual_era else "http.version.required"
    yield _Way("MCP-Protocol-Version is missing", message, PROTOCOL_VERSION, (None,), required)
    for version in (LATEST_LEGACY.name, _UNKNOWN[0]):
        other = with_meta(message, version, VERSION_FIELD)
        said = f"_meta names {version} under MCP-Protocol-Version: {ground.revision.name}"
        yield _Way(said, other, PROTOCOL_VERSION, (ground.revision.name,), row_unknown)


def _of_method(message: dict[str, Any]) -> Iterator[_Way]:
    method = message["method"]
    others = ("tools/call" if method == "tools/list" else "tools/list", method.upper(), f"{method}/", f"{method}s")
    yield _Way("Mcp-Method is missing", message, METHOD, (None,), "http.mirror.required")
    yield _Way("Mcp-Method names another method", message, METHOD, others, "http.mirror.match", method)


def _of_name(ground: Ground, message: dict[str, Any], name: str) -> Iterator[_Way]:
    listed = [other for _, other in _named(ground) if other != name]
    near = [other for other in (name.swapcase(), f"{name}x", name[:-1]) if other not in ("", name)]
    plain = [encode_value(other) for other in (*listed[:2], *near) if other.strip() == other]
    yield _Way("Mcp-Name is missing", message, NAME, (None,), "http.mirror.required")
    others = (_NOBODYS, *plain)
    yield _Way("Mcp-Name names something else", message, NAME, others, "http.mirror.match", name)


def _of_parameters(ground: Ground, call: ToolCall) -> Iterator[_Way]:
    """Arguments that are mirrored into a header of their own (`#custom-headers-from-tool-parameters`)."""
    schema = call.tool.get("inputSchema")
    for header, path in header_parameters(schema).items():
        member, kind = path[0], _kind(schema, path)
        arguments = {**call.arguments, member: _SAMPLES.get(kind)}
        if len(path) > 1 or kind not in _SAMPLES or misfit(schema, arguments) is not None:
            continue
        params = {"name": call.tool["name"], "arguments": arguments}
        message = request(ground.revision, "tools/call", params, request_id=ID)
        said = PARAM_PREFIX + header.lower()
        other = {"string": (_NOBODYS, "TOUCHSTONE", _NO_BASE64), "integer": ("8", "77"), "boolean": ("false",)}[kind]
        yield _Way(f"Mcp-Param of {member} is missing", message, said, (None,), "http.param.required")
        yield _Way(f"Mcp-Param of {member} is another value", message, said, other, "http.param.match")
        beyond = "http.param.characters"
        yield _Way(f"Mcp-Param of {member} is no visible ASCII", message, said, ("\u00e9",), beyond)
        without = {name: value for name, value in arguments.items() if name != member}
        if misfit(schema, without) is None:
            params = {**params, "arguments": without}
            message = request(ground.revision, "tools/call", params, request_id=ID)
            yield _Way(f"Mcp-Param of {member} comes without it", message, said, ("touchstone",))


def _kind(schema: Any, path: tuple[str, ...]) -> Any:
    node = schema
    for step in path:
        node = node["properties"][step]
    return node.get("type")
