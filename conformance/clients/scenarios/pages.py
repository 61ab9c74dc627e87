"""Servers whose lists of tools have pages with something the matter: an empty cursor, one that is refused, a session
that ends between two pages."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.clients.offer import CURSORS, EMPTY_SCHEMA, Offer, complete
from conformance.clients.play import BAD_REQUEST
from conformance.clients.reply import CUT, Message, Reply
from conformance.clients.said import said
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, legacy, modern
from conformance.transcript import Conversation
from reference_impl.protocol.errors import Code
from reference_impl.protocol.revisions import Revision

__all__ = ["EMPTY_CURSOR", "LOST_BETWEEN_PAGES", "REFUSED_CURSOR", "SECOND_PAGE", "follows"]

SECOND_PAGE = "second"
"""The cursor that leads to the page whose own is empty."""
_FIRST, _SECOND, _THIRD = ({"name": name, "inputSchema": EMPTY_SCHEMA} for name in ("greet", "add_numbers", "farewell"))
_PAGES: dict[str | None, tuple[Message, str | None]] = {
    None: (_FIRST, SECOND_PAGE),
    SECOND_PAGE: (_SECOND, ""),
    "": (_THIRD, None),
}
_TIRED = 3
"""How often a client gets a first page with a cursor: one that takes an empty cursor for none would go on for ever."""


def _offer(_: Revision) -> Offer:
    return Offer(((_FIRST,), (_SECOND,), (_THIRD,)))


def _asks_page(turn: Turn) -> bool:
    return turn.is_request and turn.method == "tools/list" and turn.params.get("cursor") is not None


def _empty_cursor(scene: Scene) -> Behaviour:
    firsts = 0

    def reply(turn: Turn) -> Reply | None:
        nonlocal firsts
        cursor = turn.params.get("cursor")
        if not turn.is_request or turn.method != "tools/list" or not (cursor is None or cursor in list(_PAGES)):
            return None
        firsts += cursor is None
        tool, following = _PAGES[cursor]
        more = {} if following is None or firsts > _TIRED else {"nextCursor": following}
        return turn.result(complete(scene.revision, {"tools": [tool]} | more, caches=True))

    return Behaviour(reply=reply, offer=_offer)


def _refused_cursor(scene: Scene) -> Behaviour:
    refused = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal refused
        if not turn.is_request or turn.method != "tools/list" or refused:
            return None
        if _asks_page(turn):
            refused = True
            return turn.error(Code.INVALID_PARAMS, "Invalid params: this cursor is no longer valid")
        kept = {"tools": [_FIRST], "nextCursor": CURSORS[0], "ttlMs": 60_000}
        return turn.result(complete(scene.revision, kept, caches=True))

    return Behaviour(reply=reply, offer=_offer)


def _lost_between_pages(scene: Scene) -> Behaviour:
    lost = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal lost
        if lost or not _asks_page(turn):
            return None
        lost = True
        if scene.transport == "stdio":
            return Reply(before=(CUT,))
        return turn.error(BAD_REQUEST, "Session not found", status=404)

    return Behaviour(reply=reply, offer=_offer)


def follows(plain: Sequence[Conversation]) -> str | None:
    """Say why a list that goes wrong on its second page is pointless, if it is."""
    follows = any(item.method == "tools/list" and "cursor" in item.params for visit in plain for item in said(visit))
    return None if follows else "the client asks for no second page"


EMPTY_CURSOR = Scenario(
    "empty-cursor",
    "gives an empty string for the cursor of the third page",
    _empty_cursor,
    binds=modern,
    needs=follows,
)
REFUSED_CURSOR = Scenario(
    "refused-cursor", "refuses the cursor of the second page once", _refused_cursor, binds=modern, needs=follows
)
LOST_BETWEEN_PAGES = Scenario(
    "lost-between-pages",
    "forgets the client's session (over standard streams: exits) when it is asked for the second page",
    _lost_between_pages,
    binds=legacy,
    transports=("http", "stdio"),
    needs=follows,
)
