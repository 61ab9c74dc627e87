"""Areas: what checks and requirements are about, which the first word of their ids says."""

from __future__ import annotations

__all__ = ["area_of", "titled"]

_TITLES = {
    "auth": "Authorization",
    "audit": "What is advertised",
    "base": "Base protocol",
    "client": "Clients",
    "flow": "Flow of messages",
    "http": "Streamable HTTP",
    "mrtr": "Requests in several rounds",
    "property": "Properties",
    "security": "Security probes",
    "sse": "HTTP with SSE",
    "stdio": "Standard streams",
}


def area_of(identifier: str) -> str:
    """Return the area of an id: also the name of the page that it stands on."""
    return identifier.partition(".")[0]


def titled(area: str) -> str:
    """Return an area as a heading has it."""
    return _TITLES.get(area, area.capitalize())
