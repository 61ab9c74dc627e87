"""Checks of what a client says of itself: its name makes no difference, and its icons are not fetched from anywhere.

Sources: `basic/index#meta`, `basic/index#icons`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.abc

from conformance.check import check
from conformance.checks.fences import serves_after
from conformance.expect import Blocked, Mismatch, brief
from conformance.guise import CLIENT_INFO, Guise
from conformance.lists import declared_lists
from conformance.loopback import is_loopback
from conformance.peer import Peer
from conformance.posing import posing
from conformance.target import UrlTarget
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


@check("icons.fetched", "icons.scheme", "icons.origin")
async def fetched(peer: Peer) -> None:
    """An icon that a client claims at an http address of another origin is not fetched."""
    assert peer.bench is not None
    target = peer.bench.target
    if isinstance(target, UrlTarget) and not is_loopback(urlsplit(target.url).hostname or ""):
        raise Blocked("an address of this machine is none for a target on another one")
    async with _listening() as (address, visited):
        info = {**CLIENT_INFO, "icons": [{"src": address, "mimeType": "image/png"}]}
        if peer.revision.modern:
            await peer.request(peer.cheap_method, meta={INFO_KEY: info})
            await serves_after(peer, "a client with an icon")
        else:
            async with posing(peer, Guise(info=info)) as other:
                await serves_after(other, "a client with an icon")
        with anyio.move_on_after(peer.patience.quiet):
            await visited.wait()
        came = visited.is_set()
    if came:
        raise Mismatch(f"no connection to {address}, where an icon is said to be", "a connection")


@asynccontextmanager
async def _listening() -> AsyncIterator[tuple[str, anyio.Event]]:
    """An http address of ours, and whether anybody came there."""
    visited = anyio.Event()

    async def visit(stream: anyio.abc.SocketStream) -> None:
        visited.set()
        await stream.aclose()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, visit)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no database here
        yield f"http://127.0.0.1:{port}/icon.png", visited
        tasks.cancel_scope.cancel()
