"""Checks of `server/utilities/pagination`: cursors lead on, come to an end, and are the server's own.

Since 2026-07-28 an empty cursor is a cursor like any other; before, nothing says what it means.
"""

from __future__ import annotations

from conformance.check import check
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_error
from conformance.lists import Page, declared_lists, leads_on, page, pages
from conformance.peer import Peer

_UNKNOWN = "touchstone-no-such-cursor"


@check("pagination.ends", "pagination.ends")
async def ends(peer: Peer) -> None:
    """Following nextCursor visits each page once and ends."""
    for method in _lists(peer):
        found = await pages(peer, method)
        last = found[-1].following
        if leads_on(peer.revision, last) and last in [each.cursor for each in found]:
            raise Mismatch(f"a cursor of {method} that leads on", f"{brief(last)} again, on page {len(found)}")
        if leads_on(peer.revision, last) and not any(each.items for each in found[1:]):
            raise Mismatch(f"an end of {method}", f"{len(found)} pages, all empty but the first")


@check("pagination.empty-cursor", "pagination.empty-cursor")
async def empty_cursor(peer: Peer) -> None:
    """No list of the handshake era ends with an empty cursor."""
    for method in _lists(peer):
        found = await pages(peer, method)
        if any(each.following == "" for each in found):
            raise Mismatch(f"no nextCursor on the last page of {method}", 'nextCursor ""')


@check("pagination.stable", "pagination.stable")
async def stable(peer: Peer) -> None:
    """A cursor that is used a second time leads to the same page."""
    method, first = await _with_pages(peer)
    second, again = await page(peer, method, first.following), await page(peer, method, first.following)
    if (await page(peer, method, None)).items != first.items:
        raise Blocked(f"{method} changed meanwhile")
    if again.items != second.items:
        raise Mismatch(f"the same page of {method} for the same cursor: {brief(second.items)}", brief(again.items))


@check("pagination.unknown-cursor", "pagination.unknown-cursor")
async def unknown_cursor(peer: Peer) -> None:
    """A list of several pages refuses a cursor that it did not give out."""
    method, _ = await _with_pages(peer)
    message = peer.message(method, {"cursor": _UNKNOWN})
    answer = await peer.call(message, defect="a cursor of nobody's")
    expect_error(answer, {-32602}, f"{method} with a cursor that it never gave out")


def _lists(peer: Peer) -> list[str]:
    found = declared_lists(peer)
    if not found:
        raise Inapplicable("the target declares no list")
    return found


async def _with_pages(peer: Peer) -> tuple[str, Page]:
    """Return a list of several pages and the first of them. Raises `Inapplicable` if there is none."""
    for method in _lists(peer):
        first = await page(peer, method, None)
        if isinstance(first.following, str) and first.following:
            return method, first
    raise Inapplicable("no list has more than one page")
