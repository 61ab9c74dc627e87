"""Checks of what a server makes of a client that comes: its name makes no difference, its icons are not fetched, and it
speaks first.

Sources: `basic/index#meta`, `basic/index#icons`, `basic/lifecycle#initialization` of 2025-11-25.
"""

from __future__ import annotations

from typing import Any

import anyio

from conformance.check import check
from conformance.expect import Blocked, Mismatch, brief
from conformance.guise import CLIENT_INFO
from conformance.interviews import need_newcomer
from conformance.lists import declared_lists
from conformance.newcomer import is_near, listening
from conformance.peer import Peer
from reference_impl.protocol.lifecycle import CLIENT_INFO as INFO_KEY

_TWIN = {"name": "touchstone-twin", "version": "0.0.1"}
_PASSING = frozenset({"_meta", "ttlMs"})
"""Members of results that may differ from one time to the next."""


@check("base.identity", "base.meta.identity.behaviour")
async def identity(peer: Peer) -> None:
    """A client of another name and version gets the same answers."""
    for method in ("server/discover", *declared_lists(peer)):
        ours, twins, again = [await _told(peer, method, info) for info in (CLIENT_INFO, _TWIN, CLIENT_INFO)]
        if ours != again:
            raise Blocked(f"{method} is answered otherwise from one time to the next")
        if ours != twins:
            raise Mismatch(f"the same result of {method} for {brief(_TWIN)}: {brief(ours)}", brief(twins))


async def _told(peer: Peer, method: str, info: dict[str, Any]) -> Any:
    answer = await peer.request(method, meta={INFO_KEY: info})
    result = answer.result if isinstance(answer.result, dict) else {"error": answer.error}
    return {name: value for name, value in result.items() if name not in _PASSING}


@check("icons.fetched", "icons.scheme", "icons.origin", waits=True)
async def fetched(peer: Peer) -> None:
    """An icon that a client claims at an http address of another origin is not fetched."""
    if not is_near(peer):
        raise Blocked("an address of this machine is none for a target on another one")
    if not peer.revision.modern:
        newcomer = await need_newcomer(peer)
        await _expect_nobody(peer, newcomer.address, newcomer.visited)
        return
    async with listening(peer) as (address, visited):
        icons = [{"src": address, "mimeType": "image/png"}]
        await peer.request(peer.cheap_method, meta={INFO_KEY: {**CLIENT_INFO, "icons": icons}})
        await _expect_nobody(peer, address, visited)


async def _expect_nobody(peer: Peer, address: str, visited: anyio.Event) -> None:
    with anyio.move_on_after(peer.patience.quiet):
        await visited.wait()
    if visited.is_set():
        raise Mismatch(f"no connection to {address}, where an icon is said to be", "a connection")


@check("lifecycle.silent-first", "lifecycle.first")
async def silent_first(peer: Peer) -> None:
    """A server says nothing before it is initialized."""
    newcomer = await need_newcomer(peer)
    if newcomer.early is not None:
        mismatch = Mismatch("nothing before initialize", brief(newcomer.early.value), [newcomer.early.index])
        mismatch.seen = newcomer.peer.conversation
        raise mismatch
