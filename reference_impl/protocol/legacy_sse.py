"""HTTP with SSE, the transport of 2024-11-05, as a client reads it: one stream of events from the server, whose first
names the address to post to.

Source: `basic/transports#http-with-sse` of 2024-11-05. Nothing can be resumed: what is lost with a connection is lost,
and the conversation begins anew.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit, urlunsplit

from reference_impl.protocol.errors import ProtocolError
from reference_impl.protocol.lines import DEFAULT_LIMIT
from reference_impl.protocol.sse import Event, EventReader

__all__ = ["FALLBACK_STATUSES", "LegacySseError", "LegacySseReader", "endpoint_url"]

FALLBACK_STATUSES = frozenset({400, 404, 405})
"""HTTP statuses of a refused `initialize` after which a client may look for this transport at the same address
(`basic/transports#backwards-compatibility` of 2025-11-25)."""

_USUAL_PORTS = {"http": 80, "https": 443}


class LegacySseError(ProtocolError):
    """The server's stream is none of this transport; `str()` of it says why."""


class LegacySseReader:
    """Reads the bytes of the stream at `url` into messages; `endpoint` is the address to post to, once it is known.

    `limit` is the most bytes of one event.
    """

    def __init__(self, url: str, limit: int = DEFAULT_LIMIT) -> None:
        self._url = url
        self._events = EventReader(limit)
        self.endpoint: str | None = None

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; return the messages that they complete, in order.

        Raises `LegacySseError` if the first event names no address, or one of another origin; `OversizedEvent`.
        """
        return [event.data.encode() for event in self._events.feed(chunk) if event.data and self._is_message(event)]

    def _is_message(self, event: Event) -> bool:
        if self.endpoint is None:
            if event.event != "endpoint":
                raise LegacySseError(f"the stream begins with the event {event.event!r} and names no endpoint")
            self.endpoint = endpoint_url(self._url, event.data)
            return False
        # The address stays what it was: who could change it in mid-stream could lead the messages elsewhere.
        return event.event == "message"


def endpoint_url(url: str, endpoint: str) -> str:
    """Return the address to post to, given what the stream at `url` names: a reference relative to it.

    Messages carry credentials, so that they go to the origin that the user chose and to no other. Raises
    `LegacySseError`.
    """
    base = urlsplit(url)
    try:
        found = urlsplit(urljoin(url, endpoint.strip()))
        same = _origin(found.scheme, found.hostname, found.port) == _origin(base.scheme, base.hostname, base.port)
    except ValueError:
        raise LegacySseError(f"the endpoint {endpoint[:200]!r} is no URL") from None
    if not same:
        raise LegacySseError(f"the endpoint {endpoint[:200]!r} lies on another origin than the stream")
    return urlunsplit((base.scheme, base.netloc, found.path, found.query, ""))


def _origin(scheme: str, host: str | None, port: int | None) -> tuple[str, str | None, int | None]:
    return scheme, host, port or _USUAL_PORTS.get(scheme)
