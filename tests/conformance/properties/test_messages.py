import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import find, settings

from conformance.properties.messages import Expectation, defects, ids, near_valid, request, requests, with_meta
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from reference_impl.protocol.messages import MalformedError, Request, parse_value
from reference_impl.protocol.methods import METHODS
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, R2025_03_26, REVISIONS, Revision

Draw = Callable[..., list[Any]]

ERAS = pytest.mark.parametrize("revision", [LATEST_LEGACY, LATEST], ids=str)
MINIMAL = settings(database=None, derandomize=True, max_examples=200, deadline=None)


def test_ids_are_integers_and_strings_that_every_implementation_can_hold(drawn: Draw) -> None:
    found = drawn(ids(), 200)
    assert {type(identifier) for identifier in found} == {int, str}
    assert all(abs(each) < 2**53 for each in found if isinstance(each, int))
    assert any(isinstance(each, int) and each < 0 for each in found)
    assert any(not each.isascii() for each in found if isinstance(each, str))
    assert json.loads(json.dumps(found)) == found
    assert all(each.encode() is not None for each in found if isinstance(each, str))


def test_the_simplest_id_is_a_number() -> None:
    assert find(ids(), lambda _: True, settings=MINIMAL) == 0


@pytest.mark.parametrize("revision", REVISIONS, ids=str)
def test_sound_requests_are_requests(revision: Revision, drawn: Draw) -> None:
    for message in drawn(requests(revision)):
        assert isinstance(parse_value(message), Request)
        assert (CLIENT_CAPABILITIES in message.get("params", {}).get("_meta", {})) is revision.modern


def test_modern_requests_describe_themselves_and_keep_their_own_metadata() -> None:
    message = request(LATEST, "tools/list", {"cursor": "a", "_meta": {"progressToken": 1}}, request_id="b")
    assert message["params"]["cursor"] == "a"
    meta = message["params"]["_meta"]
    assert meta.keys() == {PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, "progressToken"}
    assert meta[PROTOCOL_VERSION] == LATEST.name


def test_an_entry_is_added_to_metadata_without_touching_the_request() -> None:
    message = request(LATEST_LEGACY, "ping")
    assert with_meta(message, 1, "key")["params"] == {"_meta": {"key": 1}}
    assert "params" not in message


@ERAS
def test_every_defect_changes_the_request_and_nothing_but_what_it_names(revision: Revision, drawn: Draw) -> None:
    sound = request(revision, "tools/list", {}, request_id="a")
    for name, strategy in defects(sound, revision).items():
        for spoiled in drawn(strategy):
            assert spoiled.defect == name
            assert spoiled.message != sound
            assert spoiled.rule
            if isinstance(spoiled.message, dict) and "jsonrpc" in spoiled.message:
                changed = {key for key in {**sound, **spoiled.message} if spoiled.message.get(key) != sound.get(key)}
                assert len(changed) == 1
    assert sound == request(revision, "tools/list", {}, request_id="a")


@ERAS
def test_a_defect_that_must_be_refused_is_one_that_the_protocol_core_refuses_or_cannot_serve(
    revision: Revision, drawn: Draw
) -> None:
    strict = {Expectation.ERROR, Expectation.ERROR_OR_SILENCE}
    for spoiled in drawn(near_valid(request(revision, "tools/list", {}), revision), 150):
        if spoiled.expectation not in strict:
            continue
        try:
            parsed = parse_value(spoiled.message)
        except MalformedError:
            continue
        assert not isinstance(parsed, Request) or _unservable(parsed, revision), spoiled


def _unservable(message: Request, revision: Revision) -> bool:
    if message.method not in {method.name for method in METHODS}:
        return True
    meta = (message.params or {}).get("_meta")
    if not revision.modern or not isinstance(meta, dict):
        return revision.modern
    return meta.get(PROTOCOL_VERSION) != revision.name or CLIENT_CAPABILITIES not in meta


@pytest.mark.parametrize(
    "name",
    [
        *("jsonrpc is missing", "jsonrpc is not 2.0", "id is null", "id is a boolean", "id is an array"),
        *("id is an object", "id is a fraction", "id is beyond 2**53", "message carries a result as well"),
        "message is wrapped in an array",
    ],
)
@ERAS
def test_rules_that_bind_only_the_sender_demand_nothing_but_survival(
    name: str, revision: Revision, drawn: Draw
) -> None:
    found = drawn(defects(request(revision, "tools/list"), revision)[name])
    assert {spoiled.expectation for spoiled in found} == {Expectation.ANYTHING_BUT_DEATH}


@pytest.mark.parametrize(
    ("name", "alone", "beside_legacy"),
    [
        ("_meta is missing", Expectation.ERROR, Expectation.ANYTHING_BUT_DEATH),
        ("protocolVersion is missing", Expectation.ERROR, Expectation.ANYTHING_BUT_DEATH),
        ("protocolVersion is unknown", Expectation.ERROR, Expectation.ERROR),
        ("clientCapabilities is missing", Expectation.ERROR, Expectation.ERROR),
        ("method is unknown", Expectation.ERROR, Expectation.ERROR),
    ],
)
def test_what_may_be_a_legacy_clients_need_not_be_refused_by_a_dual_era_server(
    name: str, alone: Expectation, beside_legacy: Expectation, drawn: Draw
) -> None:
    sound = request(LATEST, "tools/list")
    for dual_era, expected in ((False, alone), (True, beside_legacy)):
        found = drawn(defects(sound, LATEST, dual_era=dual_era)[name])
        assert {spoiled.expectation for spoiled in found} == {expected}


def test_metadata_defects_belong_to_the_modern_era() -> None:
    legacy, modern = (set(defects(request(each, "ping"), each)) for each in (LATEST_LEGACY, LATEST))
    assert {"_meta is missing", "protocolVersion is unknown", "clientInfo is not an object"} <= modern - legacy


def test_an_array_is_no_defect_where_batches_exist() -> None:
    name = "message is wrapped in an array"
    assert name not in defects(request(R2025_03_26, "ping"), R2025_03_26)
    assert name in defects(request(LATEST_LEGACY, "ping"), LATEST_LEGACY)


@pytest.mark.parametrize("method", ["ping", "tools/list", "resources/templates/list"])
def test_unknown_methods_are_unknown_to_every_revision(method: str, drawn: Draw) -> None:
    known = {each.name for each in METHODS}
    for spoiled in drawn(defects(request(LATEST_LEGACY, method), LATEST_LEGACY)["method is unknown"]):
        assert spoiled.message["method"] not in known
