"""Lists that come in pages (`server/utilities/pagination`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from reference_impl.client.errors import InvalidAnswer, RequestFailed, SessionLost
from reference_impl.client.requester import Requester
from reference_impl.client.settings import DEFAULT_OPTIONS, CallOptions, JsonObject
from reference_impl.protocol.errors import Code
from reference_impl.protocol.methods import PAGINATED

__all__ = ["list_all", "pages"]

_MOST_PAGES = 10_000


async def pages(
    requester: Requester, method: str, options: CallOptions = DEFAULT_OPTIONS
) -> AsyncIterator[list[JsonObject]]:
    """Yield the pages of a list, each as the server cuts it.

    A cursor is opaque: any string leads on, the empty one too, and only its absence ends the list. Raises
    `InvalidAnswer` if the server turns in circles or a page holds no list, and whatever `Requester.request` raises.
    """
    seen: set[str] = set()
    params: JsonObject | None = None
    while True:
        result = await requester.request(method, params, options)
        yield _items(method, result)
        cursor = result.get("nextCursor")
        if cursor is None:
            return
        if not isinstance(cursor, str) or cursor in seen or len(seen) >= _MOST_PAGES:
            raise InvalidAnswer(f"{method}: the server answers with the cursor {cursor!r} again, or without end")
        seen.add(cursor)
        params = {"cursor": cursor}


def _items(method: str, result: JsonObject) -> list[JsonObject]:
    items: Any = result.get(PAGINATED[method])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidAnswer(f"{method}: the result holds no list of {PAGINATED[method]}")
    return items


async def list_all(requester: Requester, method: str, options: CallOptions = DEFAULT_OPTIONS) -> list[JsonObject]:
    """Return the items of all pages.

    A cursor that was kept may have become invalid, or its session have ended: the kept pages are dropped then, and the
    list is read again from its beginning (`server/utilities/caching#interaction-with-pagination`).
    """
    found: list[JsonObject] = []
    try:
        async for page in pages(requester, method, options):
            found += page
    except (RequestFailed, SessionLost) as error:
        if not found or (isinstance(error, RequestFailed) and error.code != Code.INVALID_PARAMS):
            raise
        requester.cache.drop(method)
        return [item async for page in pages(requester, method, options) for item in page]
    return found
