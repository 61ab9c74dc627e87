"""Handshakes and requests to listen that are wrong in one way: which, and when a server is found guilty of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from conformance.expect import Inapplicable
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.messages import request
from conformance.properties.openings import known_listens, wrong_handshakes
from conformance.properties.property import Ground
from conformance.properties.runner import run_case
from conformance.surface import Surface
from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID, initialize_params
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision

from ..scripted import BRISK, HASTY, Message, Scripted, Wire

Draw = Callable[..., list[Any]]


def _ground(revision: Revision, transport: str = "http", *, listens: bool = True) -> Ground:
    return Ground(revision, Surface(), {"tools": {"listChanged": listens}}, transport)


def test_handshakes_are_wrong_in_every_way_that_their_type_has(drawn: Draw) -> None:
    cases = drawn(wrong_handshakes(_ground(LATEST_LEGACY)), 100)
    assert {"missing", "type", "version"} == {case.way for case in cases}
    assert all(case.message["method"] == "initialize" for case in cases)
    assert all(Case.from_json(case.to_json()) == case for case in cases)


def test_where_each_takes_a_process_there_are_few(drawn: Draw) -> None:
    few = {case.label for case in drawn(wrong_handshakes(_ground(LATEST_LEGACY, "stdio")), 100)}
    assert 5 <= len(few) <= 8


def test_an_era_without_handshakes_has_none() -> None:
    with pytest.raises(Inapplicable):
        wrong_handshakes(_ground(LATEST))


def test_there_are_requests_to_listen_where_there_is_something_to_listen_to() -> None:
    assert {case.way for case in known_listens(_ground(LATEST))} == {"missing", "type"}
    assert not list(known_listens(_ground(LATEST, listens=False)))
    assert not list(known_listens(_ground(LATEST_LEGACY)))


def _try(server: Scripted, revision: Revision, case: Case) -> str:
    return anyio.run(run_case, server.target, revision, BRISK, case).judged.outcome


def _handshake() -> Case:
    sound = initialize_params(LATEST_LEGACY, {"name": "touchstone", "version": "1"}, {})
    message = request(LATEST_LEGACY, "initialize", {**sound, "clientInfo": 7}, request_id=7)
    return Case("initialize: type at params.clientInfo", Expectation.REPLY, message, relation="opening")


@pytest.mark.parametrize(("does", "outcome"), [("refuses", "passed"), ("accepts", "passed"), ("dies", "failed")])
def test_a_wrong_handshake_may_be_refused_or_taken_but_is_answered(does: str, outcome: str) -> None:
    async def opens(wire: Wire, message: Message) -> None:
        if isinstance(message["params"]["clientInfo"], dict) or does == "accepts":
            await wire.reply(message, server.greeting())
        elif does == "refuses":
            await wire.refuse(message)
        else:
            await wire.leave()

    server = Scripted({"initialize": opens})
    assert _try(server, LATEST_LEGACY, _handshake()) == outcome


@pytest.mark.parametrize(
    ("does", "outcome"), [("refuses", "passed"), ("acknowledges", "passed"), ("tells", "failed"), ("ignores", "failed")]
)
def test_a_wrong_request_to_listen_may_be_refused_or_acknowledged(does: str, outcome: str) -> None:
    told = {
        "acknowledges": "notifications/subscriptions/acknowledged",
        "tells": "notifications/tools/list_changed",
    }

    async def listens(wire: Wire, message: Message) -> None:
        if does == "refuses":
            await wire.refuse(message, -32602)
        elif does in told:
            meta = {"_meta": {SUBSCRIPTION_ID: message["id"]}}
            await wire.say({"jsonrpc": "2.0", "method": told[does], "params": meta})

    async def discovers(wire: Wire, message: Message) -> None:
        info = {"name": "scripted", "version": "1"}
        found = {"supportedVersions": [LATEST.name], "capabilities": {}, "serverInfo": info}
        await wire.reply(message, {**found, "resultType": "complete", "ttlMs": 0, "cacheScope": "private"})

    server = Scripted({"subscriptions/listen": listens, "server/discover": discovers})
    patience = HASTY if does == "ignores" else BRISK
    case = next(iter(known_listens(_ground(LATEST))))
    assert anyio.run(run_case, server.target, LATEST, patience, case).judged.outcome == outcome
    assert ("notifications/cancelled" in [message["method"] for message in server.heard]) is (outcome == "passed")
