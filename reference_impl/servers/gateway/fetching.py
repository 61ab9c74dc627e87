"""Fetching the document from a URL, once, before anything is served."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin

from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway.origins import base_of

__all__ = ["fetched"]

_SECONDS = 20.0
_PIECE = 64 * 1024


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: the operator named this address and no other."""


def fetched(url: str, largest: int) -> bytes:
    """Return the body at `url`. Follows no redirect and uses no proxy. Raises `SetupError`."""
    shown = url.partition("?")[0].partition("#")[0]  # a query may hold a token
    base_of(shown, "the document's URL")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    request = urllib.request.Request(url, headers={"accept": "application/json, application/yaml, */*"})  # noqa: S310 - checked above
    started = time.monotonic()
    pieces, size = [], 0
    try:
        with opener.open(request, timeout=_SECONDS) as reply:
            while piece := reply.read1(_PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > largest:
                    raise SetupError(f"{shown} is larger than {largest} bytes")
                if time.monotonic() - started > _SECONDS:
                    raise SetupError(f"{shown} took longer than {_SECONDS:g} s")
    except urllib.error.HTTPError as error:
        with error:
            raise SetupError(_refusal(url, shown, error)) from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise SetupError(f"{shown} cannot be fetched: {getattr(reason, 'strerror', None) or reason}") from None
    return b"".join(pieces)


def _refusal(url: str, shown: str, error: urllib.error.HTTPError) -> str:
    location = error.headers.get("location")
    if 300 <= error.code < 400 and location:
        return f"{shown} has moved: name {urljoin(url, location).partition('?')[0]} instead, if you trust it"
    return f"{shown} answered {error.code}, not with a document"
