"""Checks that a change of a list is told of (`server/tools#list-changed-notification` and its like).

What changes a list is known by its name: the tools that conformance suites agree on for it. Each is called twice, so
that the list is afterwards what it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from conformance.calling import succeeded
from conformance.check import Sharing, check
from conformance.expect import Blocked, Mismatch
from conformance.http_reply import HttpRequest, LiveReply
from conformance.links import Silence
from conformance.listening import is_acknowledgement, listening, shown
from conformance.lists import names
from conformance.peer import Peer
from conformance.samples import simplest
from conformance.transcript import Entry
from reference_impl.protocol.streamable import SSE_TYPE

_TRIGGERS = {
    "tools": "test_trigger_tool_change",
    "prompts": "test_trigger_prompt_change",
    "resources": "test_trigger_resource_change",
}
"""What a list holds to the tool that changes it: names that servers have for the sake of suites, and for nothing else,
so that they need no further permission."""
_LATEST = 5.0
"""Seconds after a change was seen by which it must have been told of: servers gather changes for some milliseconds."""

_Wait = Callable[[Callable[[Entry], bool], float], Any]


@check("tools.changed", "tools.changed.notified", sharing=Sharing.AFTER)
async def tools_changed(peer: Peer) -> None:
    """Whoever may be told of changes hears of it when the list of tools changes."""
    await _expect_notice(peer, "tools")


@check("prompts.changed", "prompts.changed.notified", sharing=Sharing.AFTER)
async def prompts_changed(peer: Peer) -> None:
    """Whoever may be told of changes hears of it when the list of prompts changes."""
    await _expect_notice(peer, "prompts")


@check("resources.changed", "resources.changed.notified", sharing=Sharing.AFTER)
async def resources_changed(peer: Peer) -> None:
    """Whoever may be told of changes hears of it when the list of resources changes."""
    await _expect_notice(peer, "resources")


async def _expect_notice(peer: Peer, feature: str) -> None:
    trigger, method = _trigger(peer, feature), f"notifications/{feature}/list_changed"
    seen = len(peer.heard)

    def told(entry: Entry) -> bool:
        return entry.is_notification() and entry.value["method"] == method

    async with _hearing(peer, feature) as wait:
        before = await names(peer, f"{feature}/list")
        await _pull(peer, trigger)
        try:
            if await names(peer, f"{feature}/list") == before:
                raise Blocked(f"{trigger} leaves {feature}/list as it was")
            if not any(map(told, peer.heard[seen:])):
                await wait(told, min(_LATEST, peer.patience.answer))
            if not any(map(told, peer.heard[seen:])):
                raise Mismatch(f"{method}, since {trigger} changed the list", "nothing of the kind")
        finally:
            with suppress(Blocked, Mismatch):  # what there is to tell has been told
                await _pull(peer, trigger)


def _trigger(peer: Peer, feature: str) -> str:
    """Return the tool that changes a list. Raises `Blocked` where there is none."""
    named = _TRIGGERS[feature]
    tool = next((tool for tool in peer.surface.tools if tool.get("name") == named), None)
    if tool is None or simplest(tool.get("inputSchema")) != {}:
        raise Blocked(f"no tool is known to change the {feature} (one without arguments, called {named})")
    return named


async def _pull(peer: Peer, trigger: str) -> None:
    answer = await peer.request("tools/call", {"name": trigger, "arguments": {}})
    if not succeeded(answer):
        raise Blocked(f"{trigger} does not work: {answer.describe()}")


# Where news come ------------------------------------------------------------------------------------


@asynccontextmanager
async def _hearing(peer: Peer, feature: str) -> AsyncIterator[_Wait]:
    """Be told of changes for the time of the block: on a subscription, on the stream of GET, or as one is anyway.

    Raises `Blocked` where there is no such way.
    """
    if peer.revision.modern:
        async with listening(peer, {f"{feature}ListChanged": True}) as listen:
            first = await listen.first()
            if not is_acknowledgement(first):
                raise Blocked(f"the listen request was not acknowledged: {shown(first)}")
            yield listen.wait
    elif peer.over_http:
        async with _getting(peer) as live:
            if live.head.status != 200 or not live.streams:
                raise Blocked(f"GET opens no stream on which it could be told: HTTP {live.head.status}")
            yield _reading(live)
    else:
        yield peer.overhear


@asynccontextmanager
async def _getting(peer: Peer) -> AsyncIterator[LiveReply]:
    headers = {**peer.headers_for(None), "accept": SSE_TYPE, "content-type": None}
    async with AsyncExitStack() as stack:
        try:
            opening = peer.http.opened(HttpRequest("GET", headers=headers), peer.patience.answer)
            live = await stack.enter_async_context(opening)
        except Silence:
            raise Blocked("GET gets no reply before there is something to tell") from None
        yield live


def _reading(live: LiveReply) -> _Wait:
    async def wait(wanted: Callable[[Entry], bool], timeout: float) -> None:
        reply = await live.read(timeout, lambda reply: any(map(wanted, reply.messages)))
        if reply.ended and not any(map(wanted, reply.messages)):
            raise Blocked("the server ended the stream of GET, as it may, before there was something to tell")

    return wait
