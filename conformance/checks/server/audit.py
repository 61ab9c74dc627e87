"""Checks of what a server publishes about itself: schemas, names, headers, icons, extensions, texts.

Nothing is called. The lists are asked for anew, so that a failure shows where the thing was listed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from conformance.check import check
from conformance.dialects import dangling, flaw, is_network
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.header_annotations import annotation_flaw, header_parameters, is_secret
from conformance.lists import declared_lists, listed, names
from conformance.meta_keys import key_flaw
from conformance.peer import Peer
from reference_impl.protocol.lifecycle import SERVER_INFO

_LONGEST = 128
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]*")
_COMBINATORS = ("anyOf", "oneOf", "allOf")
_FIXTURE = "json_schema_2020_12_tool"
"""A tool that servers have for another suite, which wants it to have such a root."""
_SCHEMAS = ("inputSchema", "outputSchema")
_NEWEST = re.compile(r"https?://json-schema\.org/draft/2020-12/schema#?")
_ICON = re.compile(r"(?i)(https?|data):")
_HIDDEN = re.compile("[\u200b\u2060-\u2064\ufeff\u202a-\u202e\u2066-\u2069\u180e\U000e0000-\U000e007f]")
"""Zero-width, direction-changing and tag characters. The joiners U+200C and U+200D spell Persian and emoji."""
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
"""Flags of regions are spelled with tag characters."""


@check("audit.schema.valid", "audit.schema.valid", "audit.schema.valid-early")
async def schemas_valid(peer: Peer) -> None:
    """Every schema of a tool is valid in its dialect."""
    for name, member, schema in await _schemas(peer):
        wrong = flaw(schema)
        if wrong is not None:
            raise Mismatch(f"a valid {member} of tool {name}", wrong)


@check("audit.schema.dialect", "dialects.used")
async def newest_dialect(peer: Peer) -> None:
    """The schemas of tools are written in JSON Schema 2020-12: they say so, or name no dialect."""
    for name, member, schema in await _schemas(peer):
        named = schema.get("$schema") if isinstance(schema, dict) else None
        if named is not None and not (isinstance(named, str) and _NEWEST.fullmatch(named)):
            raise Mismatch(f"no $schema but that of 2020-12 in the {member} of tool {name}", brief(named))


@check("audit.schema.references", "audit.schema.references")
async def references_resolve(peer: Peer) -> None:
    """Every reference in a tool's schema resolves inside it."""
    for name, member, schema in await _schemas(peer):
        for reference in dangling(schema):
            where = "a network address" if is_network(reference) else "nothing there"
            raise Mismatch(f"references of the {member} of tool {name} to lead inside it", f"{reference!r}: {where}")


@check("audit.schema.plain-root", "audit.schema.plain-root")
async def plain_root(peer: Peer) -> None:
    """The root of an inputSchema is a plain object schema, without alternatives."""
    for name, member, schema in await _schemas(peer):
        found = [keyword for keyword in _COMBINATORS if isinstance(schema, dict) and keyword in schema]
        if found and member == "inputSchema" and name != _FIXTURE:
            raise Mismatch(f"no {', '.join(_COMBINATORS)} at the root of the inputSchema of {name}", ", ".join(found))


@check("audit.tool-names", "audit.tool-name.length", "audit.tool-name.characters", "tools.name.special")
async def tool_names(peer: Peer) -> None:
    """The names of tools are 1 to 128 letters, digits, underscores, hyphens and dots."""
    for name in await _some(peer, "tools/list"):
        if not 1 <= len(name) <= _LONGEST:
            raise Mismatch(f"tool names of 1 to {_LONGEST} characters", f"{brief(name)}, {len(name)} characters")
        if not _TOOL_NAME.fullmatch(name):
            raise Mismatch("tool names of ASCII letters, digits, _, - and . only", repr(name))


@check("audit.tool-names.unique", "audit.tool-name.unique", "audit.tool-name.unique-early")
async def unique_names(peer: Peer) -> None:
    """No two tools have the same name."""
    twice = [name for name, count in Counter(await _some(peer, "tools/list")).items() if count > 1]
    if twice:
        raise Mismatch("each tool name once", f"{', '.join(map(repr, twice))} more than once")


@check(
    "audit.headers",
    "audit.header.token",
    "audit.header.filled",
    "audit.header.control",
    "audit.header.unique",
    "audit.header.primitive",
    "audit.header.reachable",
    "audit.header.chain",
)
async def headers(peer: Peer) -> None:
    """Every x-mcp-header is a unique token on a primitive parameter that plain properties lead to."""
    annotated = [(name, schema) for name, _, schema in await _schemas(peer) if "x-mcp-header" in repr(schema)]
    if not annotated:
        raise Inapplicable("no tool has an x-mcp-header")
    for name, schema in annotated:
        wrong = annotation_flaw(schema)
        if wrong is not None:
            raise Mismatch(f"x-mcp-header annotations of tool {name} that clients can follow", wrong)


@check("audit.headers.sensitive", "tools.header.sensitive")
async def sensitive_headers(peer: Peer) -> None:
    """No parameter that is a secret by its name or format is copied into a header."""
    annotated = [
        (name, parameter, schema)
        for name, member, schema in await _schemas(peer)
        if member == "inputSchema"
        for parameter, schema in header_parameters(schema)
    ]
    if not annotated:
        raise Inapplicable("no tool has an x-mcp-header")
    for name, parameter, schema in annotated:
        if is_secret(parameter, schema):
            raise Mismatch(f"no secret of tool {name} in a header", f"{parameter} is copied: {brief(schema)}")


@check("audit.icons", "audit.icon.scheme")
async def icons(peer: Peer) -> None:
    """Icons are at http or https URLs or in data URIs."""
    sources = [
        icon.get("src")
        for thing in await _described(peer)
        if isinstance(thing.get("icons"), list)
        for icon in thing["icons"]
        if isinstance(icon, dict)
    ]
    if not sources:
        raise Inapplicable("nothing has an icon")
    for source in sources:
        if isinstance(source, str) and not _ICON.match(source):
            raise Mismatch("icons at http or https URLs or in data URIs", brief(source))


@check("audit.extensions", "audit.extension.identifier")
async def extensions(peer: Peer) -> None:
    """Identifiers of extensions are well-formed keys with a prefix."""
    answer = await peer.request("server/discover")
    capabilities = answer.result.get("capabilities") if isinstance(answer.result, dict) else None
    found = capabilities.get("extensions") if isinstance(capabilities, dict) else None
    if not isinstance(found, dict) or not found:
        raise Inapplicable("the target declares no extension")
    for identifier in found:
        wrong = key_flaw(identifier, prefixed=True)
        if wrong is not None:
            raise Mismatch("extension identifiers such as com.example/name", wrong)


@check("audit.annotations", "audit.annotations.consistent")
async def consistent_annotations(peer: Peer) -> None:
    """No tool is marked read-only and destructive."""
    for tool in await listed(peer, "tools/list"):
        hints = tool.get("annotations")
        if isinstance(hints, dict) and hints.get("readOnlyHint") is True and hints.get("destructiveHint") is True:
            raise Mismatch(f"{tool.get('name')} to be read-only or destructive, not both", brief(hints))


@check("audit.text", "audit.text.visible")
async def visible_text(peer: Peer) -> None:
    """Names, titles, descriptions and instructions hold no hidden characters."""
    for thing in await _described(peer):
        for member in ("name", "title", "description", "instructions"):
            text = thing.get(member)
            hidden = _HIDDEN.search(_FLAG.sub("", text)) if isinstance(text, str) else None
            if hidden is not None:
                raise Mismatch(f"no hidden character in a {member}", f"U+{ord(hidden[0]):04X} in {brief(text)}")


async def _schemas(peer: Peer) -> list[tuple[str, str, Any]]:
    """Return every schema of every tool with the names of both. Raises `Inapplicable`, `Blocked`."""
    tools = await listed(peer, "tools/list")
    if not tools:
        raise Inapplicable("the target lists no tools")
    return [(str(tool.get("name")), member, tool[member]) for tool in tools for member in _SCHEMAS if member in tool]


async def _some(peer: Peer, method: str) -> list[str]:
    found = await names(peer, method)
    if not found:
        raise Inapplicable(f"{method} lists nothing")
    return found


async def _described(peer: Peer) -> list[dict[str, Any]]:
    """Return everything that carries texts and icons: the items of all lists, and the server itself."""
    things: list[dict[str, Any]] = [*_itself(peer)]
    for method in declared_lists(peer):
        try:
            things += await listed(peer, method)
        except Blocked:
            continue  # That list is another check's finding; the others are judged.
    return things


def _itself(peer: Peer) -> Iterator[dict[str, Any]]:
    meta = peer.opening.get("_meta")
    yield peer.opening
    for info in (peer.opening.get("serverInfo"), meta.get(SERVER_INFO) if isinstance(meta, dict) else None):
        if isinstance(info, dict):
            yield info
