"""A modern server two of whose resources are gone: it says so by the code of today, and by that of older revisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.clients.offer import Offer, usual_offer
from conformance.clients.reply import Reply
from conformance.clients.said import said
from conformance.clients.scenario import Behaviour, Scenario, Turn, modern
from conformance.transcript import Conversation
from reference_impl.protocol.errors import Code
from reference_impl.protocol.revisions import Revision

__all__ = ["GONE", "LONG_GONE", "SCENARIO"]

GONE, LONG_GONE = "test://gone", "test://long-gone"
_CODES = {GONE: Code.INVALID_PARAMS, LONG_GONE: Code.RESOURCE_NOT_FOUND}
_URIS = ("test://one", GONE, LONG_GONE, "test://two")


def _offer(revision: Revision) -> Offer:
    resources = tuple({"uri": uri, "name": uri.partition("//")[2]} for uri in _URIS)
    return replace(usual_offer(revision), resources=(resources,))


def _reply(turn: Turn) -> Reply | None:
    uri = turn.params.get("uri")
    if not turn.is_request or turn.method != "resources/read" or uri not in _CODES:
        return None
    return turn.error(_CODES[uri], "Resource not found", {"uri": uri})


def _needs(plain: Sequence[Conversation]) -> str | None:
    reads = any(item.method == "resources/read" for visit in plain for item in said(visit))
    return None if reads else "the client reads no resource"


SCENARIO = Scenario(
    "gone",
    "says of two resources that it lists that they do not exist: by error -32602, and by -32002",
    lambda _: Behaviour(reply=_reply, offer=_offer),
    binds=modern,
    needs=_needs,
)
