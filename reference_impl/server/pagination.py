"""Pages of a list behind opaque cursors (`server/utilities/pagination`)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.methods import PAGINATED

__all__ = ["page"]


def page(method: str, items: list[dict[str, Any]], params: dict[str, Any], size: int) -> dict[str, Any]:
    """Return one page of `items` as the result of a list method. Raises `RemoteProtocolError` (-32602) for a cursor
    that this list did not give out."""
    start = _position(method, params["cursor"], len(items), size) if params.get("cursor") is not None else 0
    result: dict[str, Any] = {PAGINATED[method]: items[start : start + size]}
    if start + size < len(items):
        result["nextCursor"] = _cursor(method, start + size)
    return result


def _cursor(method: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{method}:{position}".encode()).decode()


def _position(method: str, cursor: object, length: int, size: int) -> int:
    try:
        name, _, digits = base64.b64decode(str(cursor), altchars=b"-_", validate=True).decode().partition(":")
        position = int(digits)
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if name != method or cursor != _cursor(method, position) or not 0 < position < length or position % size:
        raise _invalid()
    return position


def _invalid() -> RemoteProtocolError:
    return RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: cursor is not one of this list")
