"""The metadata document of a client, as an authorization server fetches it: from this machine alone.

Nothing leaves the machine but traffic to the target, so that a document elsewhere stays unread.
"""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread

from conformance.transcript import Conversation, Direction, Entry, HttpHead

__all__ = ["fetch", "fetched"]

_ASIDE = "document"
_LIMIT = 64 * 1024
_TIMEOUT = 5.0


async def fetch(url: str, conversation: Conversation) -> None:
    """Fetch a document that lies on this machine over TLS, and write it down; one that cannot be had is empty."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return
    head = HttpHead(f"GET {parts.path} HTTP/1.1", (("host", parts.netloc),))
    conversation.record(Direction.SENT, b"", head=head, aside=_ASIDE)
    body = await anyio.to_thread.run_sync(_read, url, abandon_on_cancel=True)
    conversation.record(Direction.RECEIVED, body, aside=_ASIDE)


def fetched(conversation: Conversation) -> tuple[Entry, dict[str, Any] | None] | None:
    """Return what was fetched, with its JSON object; None if nothing was."""
    for entry in conversation.beside(_ASIDE):
        if entry.direction is Direction.RECEIVED:
            try:
                value = json.loads(entry.data)
            except ValueError:
                value = None
            return entry, value if isinstance(value, dict) else None
    return None


def _read(url: str) -> bytes:
    # On this machine nobody signs certificates: that it is TLS is all that can be asked for.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=_TIMEOUT) as reply:
            return bytes(reply.read(_LIMIT))
    except OSError:
        return b""
