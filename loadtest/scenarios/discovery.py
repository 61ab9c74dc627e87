"""What a client does before its first call: the handshake or `server/discover`, and all pages of all lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from loadtest.scenario import Offer, Scenario, Wishes
from loadtest.wire import Message
from loadtest.workload import Operation, Workload
from reference_impl.protocol.messages import Request

if TYPE_CHECKING:
    from loadtest.exchange import Exchange
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["DISCOVERY"]

_PAGES = 100
"""Pages of one list that are followed: a list without end is cut there."""
_HANDSHAKE = "initialize"


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    next_cursor: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    result: _Page = _Page()


_answer = msgspec.json.Decoder(_Answer)


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    del wishes
    return Workload(name="discovery", operations=(*_beginning(offer), *offer.lists))


def _beginning(offer: Offer) -> tuple[Operation, ...]:
    """Return what comes before the lists. Over stdio a process has one handshake in its life, which is no turn's."""
    if offer.modern:
        return (offer.cheap,)
    if offer.transport == "stdio":
        return () if offer.lists else (offer.cheap,)
    return (Operation(name=_HANDSHAKE, method=_HANDSHAKE),)


def _turn(visitor: Visitor) -> Sample:
    first, *others = visitor.templates.values()
    begun = visitor.set_up(_HANDSHAKE) if first.name == _HANDSHAKE else _read(visitor, first.name)
    for template in others:
        if begun.failure is not None:
            break
        _read(visitor, template.name)
    if first.name == _HANDSHAKE:
        visitor.tear_down()
    return begun


def _read(visitor: Visitor, method: str) -> Sample:
    """Read a list to its end; the pages behind the first are an operation of their own."""
    due = visitor.due()
    exchange = visitor.call(visitor.templates[method])
    sample = visitor.record(method, exchange, due)
    seen: set[str] = set()
    while (cursor := _following(exchange)) is not None and cursor not in seen and len(seen) < _PAGES:
        seen.add(cursor)
        exchange = visitor.call(_page(visitor, method, {"cursor": cursor}))
        visitor.record(f"{method}, further pages", exchange)
    return sample


def _page(visitor: Visitor, method: str, params: dict[str, Any]) -> Message:
    return Message(method, Request(0, method, params), (visitor.traffic.revision, {}))


def _following(exchange: Exchange) -> str | None:
    message = exchange.message
    data = message.encode() if isinstance(message, str) else message
    if exchange.failure is not None or data is None or b"nextCursor" not in data:
        return None
    try:
        return _answer.decode(data).result.next_cursor
    except (msgspec.DecodeError, RecursionError):
        return None


DISCOVERY = Scenario(
    "discovery",
    "the handshake or server/discover, then all pages of all lists, as a client begins",
    _workload,
    _turn,
)
