"""A server over HTTP with SSE that names its endpoint by a whole URL, with a query that belongs to it."""

from __future__ import annotations

from conformance.clients.scenario import Behaviour, Scenario

__all__ = ["SCENARIO"]


def _absolute(url: str, number: int) -> str:
    return f"{url.removesuffix('/sse')}/deep/er/post?key=abc&session={number}"


SCENARIO = Scenario(
    "absolute-endpoint",
    "names the address to post to by a whole URL, elsewhere on the same host",
    lambda _: Behaviour(endpoint=_absolute),
    transports=("sse",),
)
