"""A further conversation as another client: one that declares what the target may ask of it.

What a target lists may hang on what its client declares, so that such a client looks for itself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from conformance.expect import Mismatch, Unserved
from conformance.guise import Guise
from conformance.peer import Peer
from conformance.surface import Surface, ToolCall, gather
from reference_impl.transports.stdio import TargetNotStarted

__all__ = ["likely_to_ask", "may_ask", "posing", "sure_to_ask"]

_ASKS = re.compile(r"elicit|sampl|confirm|question|input|(?:^|[_-])ask", re.IGNORECASE)
"""What the names of tools that ask for something have in common."""
_AT_LEISURE = re.compile(r"async|task|background|leisure", re.IGNORECASE)
"""What the names of such tools may hold that ask for something as a task."""
_FURTHER: dict[str, dict[str, Any]] = {"simulate-research-query": {"ambiguous": True}}
"""Arguments with which a tool of an everything-server asks, which it does not otherwise."""


@asynccontextmanager
async def posing(peer: Peer, guise: Guise) -> AsyncIterator[Peer]:
    """A peer on a new connection in a guise, with a surface of its own. Raises `Unserved` if it cannot be had."""
    assert peer.bench is not None
    async with AsyncExitStack() as stack:
        try:
            other = await stack.enter_async_context(peer.bench.opened(peer.conversation.purpose, guise))
        except (Mismatch, TargetNotStarted) as error:
            raise Unserved(f"a client that declares more could not connect: {error}") from None
        other.surface = Surface(peer.surface.permission)
        await gather(other)
        yield other


def may_ask(tool: Mapping[str, Any]) -> bool:
    """Whether the name of a tool says that it may ask."""
    return tool.get("name") in _FURTHER or _ASKS.search(str(tool.get("name", ""))) is not None


def sure_to_ask(call: ToolCall) -> bool:
    """Whether it is known of a call as `likely_to_ask` makes it that its tool asks."""
    return call.tool["name"] in _FURTHER


def likely_to_ask(calls: Iterable[ToolCall]) -> list[ToolCall]:
    """Return the calls whose tools may ask, by their names, and made so that they do; first those that take their time
    over it."""
    likely = [_asking(call) for call in calls if may_ask(call.tool)]
    return sorted(likely, key=lambda call: _AT_LEISURE.search(call.tool["name"]) is None)


def _asking(call: ToolCall) -> ToolCall:
    return ToolCall(call.tool, {**call.arguments, **_FURTHER.get(call.tool["name"], {})})
