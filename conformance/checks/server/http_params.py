"""Checks of `basic/transports/streamable-http#custom-headers-from-tool-parameters` (2026-07-28)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from conformance.check import check
from conformance.checks.server.http_modern import expect_mismatch
from conformance.expect import Blocked, Inapplicable, expect
from conformance.peer import Peer
from conformance.surface import ToolCall
from conformance.twins import need_served
from reference_impl.protocol.streamable import PARAM_PREFIX, header_parameters


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A call with a value at a property that has to be mirrored: its header, and its path in the arguments."""

    call: ToolCall
    header: str
    path: tuple[str, ...]
    required: bool

    def arguments(self, value: Any) -> dict[str, Any]:
        """Return the arguments with another value at the path; `...` takes it away."""
        return _with(self.call.arguments, self.path, value)

    def params(self, value: Any) -> dict[str, Any]:
        """Return the params of the call with another value at the path."""
        return {"name": self.call.tool["name"], "arguments": self.arguments(value)}


def _with(arguments: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    if rest:
        inner = arguments.get(name)
        return arguments | {name: _with(inner if isinstance(inner, dict) else {}, tuple(rest), value)}
    return {key: held for key, held in arguments.items() if key != name} | ({} if value is ... else {name: value})


def _schema_at(schema: Any, path: tuple[str, ...]) -> dict[str, Any]:
    for step in path:
        schema = schema.get("properties", {}).get(step)
    return schema if isinstance(schema, dict) else {}


def _mirrored(peer: Peer, kind: str, *, optional: bool = False) -> Mirrored:
    """Find a call with a parameter of a JSON type that has to be mirrored.

    Raises `Inapplicable` if no tool mirrors any, `Blocked` if none of that type can be called.
    """
    if not any(header_parameters(tool.get("inputSchema")) for tool in peer.surface.tools):
        raise Inapplicable("no tool has a parameter that is mirrored into a header (x-mcp-header)")
    for call in peer.surface.calls():
        schema = call.tool["inputSchema"]
        for header, path in header_parameters(schema).items():
            parent = _schema_at(schema, path[:-1])
            required = path[-1] in parent.get("required", []) or len(path) > 1
            found = Mirrored(call, PARAM_PREFIX + header.lower(), path, required)
            if _schema_at(schema, path).get("type") == kind and not (optional and required):
                return found
    what = f"{'an optional' if optional else 'a'} {kind} parameter"
    raise Blocked(f"no tool that may be called mirrors {what} into a header (--allow NAME)")


async def _text_call(peer: Peer) -> Mirrored:
    """Return a call with a mirrored text, which the server serves as it ought to be."""
    found = _mirrored(peer, "string")
    await need_served(peer, peer.message("tools/call", found.params("touchstone")))
    return found


@check("http.param-mismatch", "http.param.match")
async def param_mismatch(peer: Peer) -> None:
    """A call whose Mcp-Param header differs from the argument is refused with HeaderMismatch."""
    found = await _text_call(peer)
    message = peer.message("tools/call", found.params("touchstone"))
    answer = await peer.call(message, headers={found.header: "another"}, defect="a Mcp-Param of another value")
    expect_mismatch(answer, f"{found.header}: another with the argument touchstone")


@check("http.param-missing", "http.param.required")
async def param_missing(peer: Peer) -> None:
    """A call whose argument has to be mirrored, without the Mcp-Param header, is refused with HeaderMismatch."""
    found = await _text_call(peer)
    message = peer.message("tools/call", found.params("touchstone"))
    answer = await peer.call(message, headers={found.header: None}, defect="no Mcp-Param")
    expect_mismatch(answer, f"a call without {found.header}")


@check("http.param-encoded", "http.mirror.decoded")
async def param_encoded(peer: Peer) -> None:
    """A Mcp-Param header in the Base64 form is decoded and found equal to the argument."""
    found = await _text_call(peer)
    for value in ("touchstone", " Grüße, 世界 "):
        encoded = f"=?base64?{base64.b64encode(value.encode()).decode()}?="
        answer = await peer.call(peer.message("tools/call", found.params(value)), headers={found.header: encoded})
        expect(isinstance(answer.result, dict), f"a result with {found.header}: {encoded}", answer.describe())


@check("http.param-characters", "http.param.characters")
async def param_characters(peer: Peer) -> None:
    """A call whose Mcp-Param header is no visible ASCII is refused."""
    found = await _text_call(peer)
    message = peer.message("tools/call", found.params("é"))
    answer = await peer.call(message, headers={found.header: "é"}, defect="a Mcp-Param beyond ASCII")
    # What stands before the server may refuse it already, with a status of its own.
    refused = 400 <= (answer.status or 0) < 500 and not isinstance(answer.result, dict)
    expect(refused, f"a refusal of {found.header} beyond ASCII", answer.describe())


@check("http.param-absent", "http.param.optional")
async def param_absent(peer: Peer) -> None:
    """A call whose argument is absent or null needs no Mcp-Param header."""
    await _text_call(peer)
    kinds = [_optional(peer, kind) for kind in ("string", "integer", "boolean")]
    found = next((each for each in kinds if each is not None), None)
    if found is None:
        raise Blocked("no tool that may be called mirrors an optional parameter into a header (--allow NAME)")
    answer = await peer.call(peer.message("tools/call", found.params(...)))
    expect(isinstance(answer.result, dict), f"a result without {found.path[-1]} and {found.header}", answer.describe())
    answer = await peer.call(peer.message("tools/call", found.params(None)))
    # Whether null is a value for the parameter is for its schema to say; that its header is missing is no fault.
    expect(answer.code != -32020, f"no HeaderMismatch with {found.path[-1]} null", answer.describe())


def _optional(peer: Peer, kind: str) -> Mirrored | None:
    try:
        return _mirrored(peer, kind, optional=True)
    except Blocked:
        return None


@check("http.param-numeric", "http.param.numeric")
async def param_numeric(peer: Peer) -> None:
    """An integer argument and its Mcp-Param header compare as numbers."""
    found = _mirrored(peer, "integer")
    schema = _schema_at(found.call.tool["inputSchema"], found.path)
    value = schema.get("minimum", schema.get("default", 1))
    await need_served(peer, peer.message("tools/call", found.params(value)))
    answer = await peer.call(peer.message("tools/call", found.params(value)), headers={found.header: f"{value}.0"})
    expect(isinstance(answer.result, dict), f"a result with {found.header}: {value}.0", answer.describe())
