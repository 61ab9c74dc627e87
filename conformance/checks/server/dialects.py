"""Checks of `basic/index#schema-dialect`: the schemas of a server are applied by the rules of the dialect they name.

They need a schema with a keyword that dialects read differently. What only that keyword forbids has to be refused by a
server that refuses what is forbidden in all dialects alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.calling import succeeded
from conformance.check import check
from conformance.dialects import misfit
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.peer import Peer
from conformance.surface import ToolCall

_DIALECTS = ("https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#")
"""The dialects that servers write: the protocol's own, and the one of many generators of schemas."""
_KEYWORDS = frozenset(
    {"prefixItems", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems"}
    | {"minContains", "maxContains", "$dynamicRef", "additionalItems", "dependencies"}
)
"""Keywords that one of them has and the other has not; `items` with an array is another such."""
_VALUES: tuple[Any, ...] = (
    "touchstone",
    7,
    -1,
    0,
    True,
    None,
    [],
    ["touchstone"],
    [7],
    [7, "touchstone", 7],
    {},
    {"touchstone": 7},
)
_EXTRA = "touchstone"


@check("dialects.applied", "dialects.default", "dialects.declared")
async def applied(peer: Peer) -> None:
    """Arguments that break a schema only by the rules of its own dialect are refused."""
    written = [call for call in peer.surface.need_calls() if _depends(call.tool["inputSchema"])]
    telling = [(call, arguments) for call in written if (arguments := _telling(call)) is not None]
    if not telling:
        raise Inapplicable("no schema of a tool that may be called has a keyword that dialects read differently")
    for call, arguments in telling:
        name = call.tool["name"]
        if not await _refuses_misfits(peer, call):
            raise Blocked(f"{name} takes arguments that no dialect allows, or not even those that fit")
        message = peer.message("tools/call", ToolCall(call.tool, arguments).params)
        answer = await peer.call(message, defect="arguments that the schema forbids")
        if succeeded(answer):
            named = call.tool["inputSchema"].get("$schema", "no $schema, which means 2020-12")
            wanted = f"a refusal of {brief(arguments)} by {name}, whose schema has {named}"
            raise Mismatch(wanted, answer.describe(), [answer.entry.index])


def _depends(schema: Any) -> bool:
    """Whether a schema has, anywhere, a keyword that dialects read differently."""
    if isinstance(schema, list):
        return any(map(_depends, schema))
    if not isinstance(schema, dict):
        return False
    return (
        bool(schema.keys() & _KEYWORDS) or isinstance(schema.get("items"), list) or any(map(_depends, schema.values()))
    )


def _telling(call: ToolCall) -> dict[str, Any] | None:
    """Return arguments that a tool's schema forbids in its own dialect alone; None if none are found."""
    schema = call.tool["inputSchema"]
    allowed = (arguments for arguments in _variants(call) if not _forbidden_by_all(schema, arguments))
    return next((arguments for arguments in allowed if misfit(schema, arguments) is not None), None)


def _forbidden_by_all(schema: dict[str, Any], arguments: dict[str, Any]) -> bool:
    return all(misfit({**schema, "$schema": dialect}, arguments) is not None for dialect in _DIALECTS)


def _variants(call: ToolCall) -> Iterator[dict[str, Any]]:
    """The simplest arguments with one member changed or added."""
    members = call.tool["inputSchema"].get("properties")
    for name in (*(members if isinstance(members, dict) else ()), _EXTRA):
        for value in _VALUES:
            yield {**call.arguments, name: value}


async def _refuses_misfits(peer: Peer, call: ToolCall) -> bool:
    """Whether a tool takes what fits its schema, and refuses what no dialect allows."""
    schema = call.tool["inputSchema"]
    wrong = next((arguments for arguments in _variants(call) if _forbidden_by_all(schema, arguments)), None)
    if wrong is None or not succeeded(await peer.request("tools/call", call.params)):
        return False
    message = peer.message("tools/call", ToolCall(call.tool, wrong).params)
    return not succeeded(await peer.call(message, defect="arguments that no dialect allows"))
