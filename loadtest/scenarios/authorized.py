"""Authorization in the path: what a token costs that the server never saw, against one that it knows; and expired ones.

Each turn is a conversation of its own: its first request brings the token, further calls bring it again. Three kinds of
first requests differ in the token alone, so that the difference of their latencies is the price of its check.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from loadtest.sample import Failure
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
from loadtest.scenarios.steady import chosen
from loadtest.workload import Workload
from reference_impl.metrics import ErrorClass

if TYPE_CHECKING:
    from loadtest.exchange import Exchange
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["AUTHORIZED"]

_CALLS = 3
"""Calls of a conversation behind its first request."""
_SHARE = 100
"""How far apart in the tokens generators begin."""
_ROUND = ("new", "known", "known", "expired")
"""The tokens of four turns, one after the other."""
_FIRST = {"new": "first request, new token", "known": "first request, known token"}
_REFUSED = "refusal of an expired token"
_ACCEPTED = Failure(ErrorClass.HTTP_STATUS, "accepted", "an expired token was taken for a good one")


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    if offer.transport != "http":
        raise Unavailable("tokens go over Streamable HTTP: give a URL")
    if not offer.tokens:
        raise Unavailable("there is no token to bring: --token, or [authorization] of touchstone.toml")
    known, *fresh = offer.tokens
    return Workload(
        name="authorized calls",
        operations=chosen(offer, wishes),
        parameters={"known": known, "fresh": fresh, "expired": offer.expired},
    )


def _turn(visitor: Visitor) -> Sample:
    kind, token = next(_tokens(visitor))
    due = visitor.due()
    visitor.renew({"authorization": f"Bearer {token}"})
    first = _first_request(visitor)
    if kind == "expired":
        return visitor.record(_REFUSED, _refused(first), due)
    sample = visitor.record(_FIRST[kind], first, due)
    for _ in range(_CALLS if first.failure is None else 0):
        visitor.ask()
    return sample


def _first_request(visitor: Visitor) -> Exchange:
    """Open the conversation and return the first exchange that brings the token: the handshake, else a call."""
    opened = visitor.traffic.set_up(visitor.conversation)
    if opened.failure is not None or not visitor.traffic.revision.modern:
        return opened
    return visitor.call(visitor.traffic.next_template())


def _tokens(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Return what names the kind of token of each turn of all users, and brings one that no other turn brought."""
    tokens: Iterator[tuple[str, str]] | None = visitor.shared.get("tokens")
    if tokens is None:
        tokens = visitor.shared["tokens"] = _in_turn(visitor.parameters, visitor.traffic.worker)
    return tokens


def _in_turn(given: dict[str, Any], worker: int) -> Iterator[tuple[str, str]]:
    """Several generators begin at different places of the tokens that are left."""
    fresh = itertools.islice(given["fresh"], worker * _SHARE % (len(given["fresh"]) or 1), None)
    for kind in itertools.cycle(_ROUND):
        token = next(fresh, None) if kind == "new" else given[kind]
        if token is not None:
            yield kind, token


def _refused(exchange: Exchange) -> Exchange:
    """Turn the verdict round: the refusal is what was wanted."""
    if exchange.failure is None:
        return exchange._replace(failure=_ACCEPTED)
    return exchange._replace(failure=None) if exchange.failure.code == "401" else exchange


AUTHORIZED = Scenario(
    "authorized",
    "first requests with new, known and expired tokens, apart: what the check of a token costs",
    _workload,
    _turn,
    needs="a token, better an issuer that mints",
    opens=False,
    tokens=1000,
)
