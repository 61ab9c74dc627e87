"""What our scripted server says is itself in order, at every revision: a client is never wrong for our mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import schema
from conformance.clients.offer import CURSORS, answer, complete, opening
from conformance.clients.play import Play
from conformance.clients.scenario import Scene, all_scenarios, bound
from conformance.transcript import Conversation
from reference_impl.protocol.lifecycle import initialize_params
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, REVISIONS, Revision

ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tools/list", {}),
    *(("tools/list", {"cursor": cursor}) for cursor in CURSORS),
    ("tools/call", {"name": "greet", "arguments": {}}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": "test://static-text"}),
    ("prompts/list", {}),
    ("prompts/get", {"name": "greeting"}),
)


def violations(revision: Revision, method: str, result: dict[str, Any]) -> list[Any]:
    definition = schema.messages(revision.name)[method].results[0]
    return list(schema.violations(revision.name, definition, result))


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.name)
def test_every_result_fits_the_schema_of_its_revision(revision: Revision) -> None:
    for method, params in ASKED:
        reply = answer(revision, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert not violations(revision, method, reply["result"]), method


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.name)
def test_the_opening_fits_the_schema_of_its_revision(revision: Revision) -> None:
    method = "server/discover" if revision.modern else "initialize"
    result = complete(revision, opening(revision, revision.name), caches=True)
    assert not violations(revision, method, result)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("touchstone/unknown", {}, -32601),
        ("completion/complete", {}, -32601),
        ("tools/call", {"name": "none"}, -32602),
        ("tools/list", {"cursor": "none"}, -32602),
        ("tools/list", {"cursor": ["none"]}, -32602),
    ],
)
def test_what_is_not_there_is_refused(method: str, params: dict[str, Any], code: int) -> None:
    message = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
    assert answer(LATEST_LEGACY, message)["error"]["code"] == code


def test_the_plain_scenario_comes_first_everywhere() -> None:
    assert {bound(revision, transport)[0] for revision in REVISIONS for transport in ("http", "stdio")} == {
        all_scenarios()[0]
    }


def test_a_modern_server_refuses_the_handshake_and_a_legacy_one_whatever_is_modern() -> None:
    handshake = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": initialize_params(LATEST_LEGACY, {"name": "x", "version": "1"}, {}),
    }
    probe = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}}
    modern, legacy = (
        Play(all_scenarios()[0], Scene(revision, "http", Conversation("http", "plain")))
        for revision in (LATEST, LATEST_LEGACY)
    )
    assert modern.take(handshake).status == 400
    assert legacy.take(probe).status == 400
    assert legacy.take(handshake).session is not None
