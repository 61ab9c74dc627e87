"""How a conversation learns its revision."""

import pytest

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.lifecycle import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    LOG_LEVEL,
    PROTOCOL_VERSION,
    classify_probe,
    is_modern_request,
    negotiate,
    read_request_meta,
    request_meta,
    unsupported_version,
)
from reference_impl.protocol.messages import ErrorResponse, Response
from reference_impl.protocol.revisions import LATEST, REVISIONS, Era

META = {PROTOCOL_VERSION: "2026-07-28", CLIENT_CAPABILITIES: {}}


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [("2024-11-05", "2024-11-05"), ("2025-11-25", "2025-11-25"), ("2026-07-28", "2025-11-25"), ("x", "2025-11-25")],
)
def test_a_server_agrees_or_offers_its_newest_legacy_revision(offered, agreed):
    assert negotiate(offered, REVISIONS).name == agreed


def test_an_offer_that_is_no_string_is_refused():
    with pytest.raises(RemoteProtocolError):
        negotiate(None, REVISIONS)


def test_a_request_that_describes_itself_is_modern():
    assert is_modern_request({"_meta": META})
    assert is_modern_request({"_meta": {CLIENT_CAPABILITIES: {}}})
    for params in (None, {}, {"_meta": {}}, {"_meta": {"progressToken": 1}}, {"_meta": []}):
        assert not is_modern_request(params)


def test_metadata_is_read_and_written():
    info = {"name": "n", "version": "1"}
    meta = read_request_meta(
        {"_meta": request_meta(LATEST, info, {"roots": {}}) | {"progressToken": 0, LOG_LEVEL: "info"}}
    )
    assert (meta.version, meta.capabilities, meta.client_info) == ("2026-07-28", {"roots": {}}, info)
    assert (meta.log_level, meta.progress_token) == ("info", 0)
    assert request_meta(LATEST) == META


@pytest.mark.parametrize(
    "meta",
    [
        None,
        [],
        {},
        {PROTOCOL_VERSION: "2026-07-28"},
        {CLIENT_CAPABILITIES: {}},
        META | {PROTOCOL_VERSION: 7},
        META | {CLIENT_CAPABILITIES: []},
        META | {CLIENT_INFO: "x"},
        META | {LOG_LEVEL: "loud"},
        META | {"progressToken": 1.5},
        META | {"progressToken": True},
    ],
)
def test_missing_and_malformed_metadata_is_refused_with_a_bad_request(meta):
    with pytest.raises(RemoteProtocolError) as caught:
        read_request_meta({"_meta": meta})
    assert (caught.value.code, caught.value.http_status) == (-32602, 400)


def test_an_unsupported_version_is_told_what_is_supported():
    error = unsupported_version("x", REVISIONS)
    assert error.data == {"supported": [revision.name for revision in REVISIONS], "requested": "x"}


@pytest.mark.parametrize(
    ("answer", "era", "versions"),
    [
        (Response(1, {"supportedVersions": ["2026-07-28", "2099-01-01"]}), Era.MODERN, ("2026-07-28",)),
        (ErrorResponse(1, -32022, "x", {"supported": ["2026-07-28"]}), Era.MODERN, ("2026-07-28",)),
        (ErrorResponse(1, -32021, "x"), Era.MODERN, ("2026-07-28",)),
        (ErrorResponse(1, -32601, "x"), Era.LEGACY, ()),
        (ErrorResponse(1, -32602, "x"), Era.LEGACY, ()),
        (Response(1, {}), Era.LEGACY, ()),
        (None, Era.LEGACY, ()),
    ],
)
def test_the_answer_to_a_probe_tells_the_era(answer, era, versions):
    assert classify_probe(answer) == (era, versions)
