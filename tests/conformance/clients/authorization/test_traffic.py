"""What a client did is read from the transcript alone; a client that does nothing about HTTP 401 is known by that."""

from __future__ import annotations

import json

import anyio
import pytest

from conformance.clients.authorization import names
from conformance.clients.authorization.traffic import SILENT, ended, reading
from conformance.clients.runner import ClientPlan, run_client
from conformance.clients.scenario import all_scenarios
from conformance.clients.visit import Visit
from conformance.expect import Inapplicable
from conformance.patience import Patience
from conformance.transcript import Conversation, Direction, HttpHead
from conformance.verdicts import Judged
from fixtures.miniatures.client import MiniatureClient
from reference_impl.protocol.revisions import LATEST_LEGACY

SERVER, ISSUER = "127.0.0.1:1", "127.0.0.1:2"


def spoken(*exchanges: tuple[str, str, str, int, object]) -> Conversation:
    """A transcript of exchanges: host, start, Authorization, and the status and JSON that came back."""
    conversation = Conversation("http", names.USUAL)
    for number, (host, start, authorization, status, told) in enumerate(exchanges, 1):
        headers = (("host", host), *((("authorization", authorization),) if authorization else ()))
        conversation.record(
            Direction.RECEIVED, b"", exchange=number, head=HttpHead(f"{start} HTTP/1.1", headers), aside=host
        )
        body = json.dumps(told).encode()
        conversation.record(Direction.SENT, body, exchange=number, head=HttpHead("HTTP/1.1", (), status), aside=host)
    return conversation


def test_what_is_judged_wherever_a_client_authorizes_itself_is_judged_in_every_such_scenario() -> None:
    assert {scenario.name for scenario in all_scenarios() if scenario.name.startswith("auth")} == set(names.ALL)


def test_exchanges_are_told_apart_by_what_they_are_for() -> None:
    metadata = {"issuer": f"http://{ISSUER}", "authorization_endpoint": "a"}
    seen = reading(
        spoken(
            (SERVER, "GET /r", "", 200, {"authorization_servers": [f"http://{ISSUER}"]}),
            (ISSUER, "GET /.well-known/oauth-authorization-server", "", 200, metadata),
            (ISSUER, "POST /register", "", 201, {"client_id": "c"}),
            (ISSUER, "GET /authorize?scope=a+b&client_id=c", "", 302, None),
            (ISSUER, "POST /token", "Basic YyUzQTpz", 200, {"access_token": "t"}),
        )
    )
    assert [len(list(acts)) for acts in (seen.resources, seen.authorities, seen.registrations)] == [1, 1, 1]
    [asked], [bought] = seen.authorizations, seen.issued
    assert (asked.scopes, asked.client) == (("a", "b"), "c")
    assert bought.client == "c:"
    assert seen.authority(bought) == metadata
    assert [act.method for act in seen.dealings] == ["POST", "GET", "POST"]


@pytest.mark.parametrize("blob", ["", "a", "bm8tY29sb24", "/w=="])
def test_nonsense_in_place_of_a_name_and_a_password_is_no_client(blob: str) -> None:
    seen = reading(spoken((ISSUER, "POST /token", f"Basic {blob}", 400, None)))
    assert next(seen.tokens).client in (None, "", "no-colon")


def test_a_client_that_was_ended_has_not_ended() -> None:
    for said, wanted in ((b"exit status 1", True), (b"ended by us", False)):
        conversation = Conversation("http", names.USUAL)
        conversation.record(Direction.PROCESS, said)
        assert ended(conversation) is wanted


def test_a_client_that_does_nothing_about_a_refusal_is_not_judged() -> None:
    conversation = Conversation("http", names.USUAL)
    head = HttpHead("POST /mcp HTTP/1.1", (("host", SERVER),))
    conversation.record(Direction.RECEIVED, b"", exchange=1, head=head)
    conversation.record(Direction.SENT, b"", exchange=1, head=HttpHead("HTTP/1.1 401", (), 401))
    with pytest.raises(Inapplicable):
        reading(conversation)


def test_a_client_that_does_not_authorize_itself_meets_one_protected_server_and_no_more() -> None:
    verdicts: dict[str, Judged] = {}
    visits: list[Visit] = []
    plan = ClientPlan(
        MiniatureClient(),
        "http",
        lambda judge, _, __, judged: verdicts.__setitem__(judge.monitor.id, judged),
        visited=visits.append,
        only=("client.auth-*",),
        revisions=(LATEST_LEGACY.name,),
        patience=Patience(start=20.0, answer=6.0),
    )
    anyio.run(run_client, plan)
    assert {visit.scenario.name for visit in visits} == {"plain", names.USUAL}
    assert {judged.outcome for judged in verdicts.values()} == {"inapplicable"}
    assert {judged.summary for judged in verdicts.values()} == {SILENT}
