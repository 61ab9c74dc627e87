"""Calls that are tried before somebody relies on them: arguments made from a schema may be none that the tool takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from conformance.expect import Mismatch, brief
from conformance.links import Answer
from conformance.peer import Peer
from conformance.posing import may_ask
from conformance.surface import Surface, ToolCall

__all__ = ["Tried", "asks", "quick_calls", "try_calls"]

_MOST = 5
"""Tools that are tried: who makes arguments for none of these will for no other."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The first call that was answered well, if one was, and what those before it were answered, by tool."""

    answered: ToolCall | None = None
    refused: dict[str, str] = field(default_factory=dict)


def asks(surface: Surface, call: ToolCall) -> bool:
    """Whether a tool is known to ask its client for something."""
    return call.tool["name"] in surface.permission.asking or may_ask(call.tool)


def quick_calls(surface: Surface) -> Iterator[ToolCall]:
    """Yield the calls that wait for nothing and nobody, as far as names and schemas tell."""
    return (call for call in surface.calls() if not (surface.is_slow(call) or asks(surface, call)))


async def try_calls(peer: Peer) -> Tried:
    """Make quick calls, each once, until one is answered well."""
    refused: dict[str, str] = {}
    for call in islice(quick_calls(peer.surface), _MOST):
        try:
            problem = _problem(await peer.request("tools/call", call.params))
        except Mismatch as silence:
            return Tried(refused={**refused, call.tool["name"]: str(silence)})
        if problem is None:
            return Tried(call, refused)
        refused[call.tool["name"]] = problem
    return Tried(refused=refused)


def _problem(answer: Answer) -> str | None:
    """Return what is wrong with an answer, in a few words."""
    match answer.result:
        case {"isError": True, "content": [{"text": str(text)}, *_]}:
            return " ".join(text.split())[:200]
        case {"resultType": "input_required"}:
            return "it asks for input"
        case {"isError": True}:
            return "isError"
        case dict():
            return None
    return brief(answer.error or answer.message, limit=200)
