"""The lists of a target, asked for anew: a check that judges what is listed shows where it was listed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.expect import Blocked
from conformance.leases import Need
from conformance.links import Answer
from reference_impl.protocol.methods import PAGINATED

if TYPE_CHECKING:
    from conformance.peer import Peer
    from reference_impl.protocol.revisions import Revision

__all__ = ["IDENTIFIED_BY", "Page", "declared_lists", "elsewhere", "leads_on", "listed", "names", "page", "pages"]

_PAGES = 50
"""Pages of one list that are followed; a longer list is judged by its beginning."""

IDENTIFIED_BY = {
    "tools/list": "name",
    "prompts/list": "name",
    "resources/list": "uri",
    "resources/templates/list": "uriTemplate",
}
"""List method to the member that tells its items apart."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the cursor it was asked for with (None for the first), its answer, and its items as they came."""

    cursor: str | None
    answer: Answer
    items: list[Any]

    @property
    def following(self) -> Any:
        """Its `nextCursor`, whatever it is; None where there is none."""
        return self.answer.result.get("nextCursor")


def declared_lists(peer: Peer) -> list[str]:
    """Return the list methods whose capability is declared."""
    return [method for method in PAGINATED if method.partition("/")[0] in peer.capabilities]


async def page(peer: Peer, method: str, cursor: str | None) -> Page:
    """Ask for one page. Raises `Blocked` if that gives no result: another check finds that."""
    answer = await peer.request(method, None if cursor is None else {"cursor": cursor})
    if not isinstance(answer.result, dict):
        raise Blocked(f"{method} gave no result: {answer.describe()}")
    items = answer.result.get(PAGINATED[method])
    return Page(cursor, answer, items if isinstance(items, list) else [])


async def pages(peer: Peer, method: str) -> list[Page]:
    """Return the pages of a list, as far as their cursors lead to new ones. Raises `Blocked`."""
    found = [await page(peer, method, None)]
    while leads_on(peer.revision, cursor := found[-1].following) and len(found) < _PAGES:
        if cursor in [each.cursor for each in found]:
            break
        found.append(await page(peer, method, cursor))
    return found


def leads_on(revision: Revision, cursor: Any) -> bool:
    """Whether a `nextCursor` says that there is more. The empty one does since 2026-07-28; before, nobody knows."""
    return isinstance(cursor, str) and (cursor != "" or revision.modern)


async def listed(peer: Peer, method: str) -> list[dict[str, Any]]:
    """Return the items of a list, objects only. Raises `Blocked`.

    A page that comes round again is left out: the check of pages finds that.
    """
    different: list[list[Any]] = []
    for each in await pages(peer, method):
        if each.items not in different:
            different.append(each.items)
    return [item for items in different for item in items if isinstance(item, dict)]


async def names(peer: Peer, method: str) -> list[str]:
    """Return what tells the items of a list apart, in their order. Raises `Blocked`."""
    return list(_texts(await listed(peer, method), IDENTIFIED_BY[method]))


async def elsewhere(peer: Peer) -> dict[str, list[str]]:
    """Return what each declared list that works holds on another connection, which is opened once for all checks."""
    async with peer.trying:
        if not peer.elsewhere:
            assert peer.bench is not None
            async with peer.bench.leases.lease(peer.conversation.purpose, Need.UNTOUCHED) as lease:
                for method in declared_lists(peer):
                    with suppress(Blocked):
                        peer.elsewhere[method] = await names(lease.peer, method)
                lease.fit = True
    return peer.elsewhere


def _texts(items: list[dict[str, Any]], member: str) -> Iterator[str]:
    return (item[member] for item in items if isinstance(item.get(member), str))
