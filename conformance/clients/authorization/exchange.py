"""What the scripted servers read in a request beside its parameters, and the replies that they give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from conformance.clients.reply import HttpRequest, RawReply

__all__ = ["NOT_FOUND", "bearer", "document", "redirect", "value"]

NOT_FOUND = RawReply(404)


def value(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object in the body, or nothing."""
    try:
        found = json.loads(request.body) if request.body else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def bearer(request: HttpRequest) -> str | None:
    """Return the token in the Authorization header, None where there is none."""
    scheme, _, token = (request.head.get("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def document(told: Mapping[str, Any], status: int = 200) -> RawReply:
    """Return a reply that is one JSON object."""
    headers = (("content-type", "application/json"), ("cache-control", "no-store"))
    return RawReply(status, headers, json.dumps(told).encode())


def redirect(where: str, parameters: Mapping[str, str]) -> RawReply:
    """Return a reply that sends the user on at once: nobody sits before the page that would ask."""
    location = f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(parameters)}"
    return RawReply(302, (("location", location), ("cache-control", "no-store")))
