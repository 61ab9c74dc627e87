"""What Streamable HTTP says in headers."""

import pytest

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.messages import Notification, Request
from reference_impl.protocol.revisions import R2024_11_05, R2025_03_26, R2025_11_25, R2026_07_28
from reference_impl.protocol.streamable import (
    accepts,
    check_mirrored_headers,
    decode_value,
    encode_value,
    header_parameters,
    host_allowed,
    media_type,
    origin_allowed,
    request_headers,
)

CALL = Request(1, "tools/call", {"name": "t", "arguments": {"region": "us", "n": 42, "on": True}})
SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "n": {"type": "integer", "x-mcp-header": "Count"},
        "on": {"type": "boolean", "x-mcp-header": "On"},
        "deep": {"type": "object", "properties": {"id": {"type": "string", "x-mcp-header": "Id"}}},
        "list": {"type": "array", "items": {"properties": {"x": {"x-mcp-header": "Never"}}}},
    },
}


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("us-west1", "us-west1"),
        ("a b", "a b"),
        ("", "=?base64??="),
        (" a", "=?base64?IGE=?="),
        ("é", "=?base64?w6k=?="),
        ("a\nb", "=?base64?YQpi?="),
        ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
    ],
)
def test_values_are_encoded_where_headers_cannot_carry_them(value, encoded):
    assert encode_value(value) == encoded
    assert decode_value(encoded) == value


@pytest.mark.parametrize("value", ["=?base64?%?=", "=?base64?/w==?=", "=?base64?é?=", "é", "a\x00b"])
def test_broken_values_are_a_mismatch(value):
    with pytest.raises(RemoteProtocolError) as caught:
        decode_value(value)
    assert caught.value.code == -32020


def test_each_revision_has_its_headers():
    initialize = Request(1, "initialize", {})
    assert set(request_headers(CALL, R2024_11_05, session="s")) == {"content-type", "accept"}
    assert request_headers(CALL, R2025_03_26, session="s")["mcp-session-id"] == "s"
    assert request_headers(CALL, R2025_11_25)["mcp-protocol-version"] == "2025-11-25"
    assert "mcp-protocol-version" not in request_headers(initialize, R2025_11_25)
    headers = request_headers(CALL, R2026_07_28, session="s", schema=SCHEMA)
    assert "mcp-session-id" not in headers
    assert (headers["mcp-method"], headers["mcp-name"]) == ("tools/call", "t")
    assert (headers["mcp-param-region"], headers["mcp-param-count"], headers["mcp-param-on"]) == ("us", "42", "true")
    assert "mcp-method" not in request_headers(Notification("notifications/x"), R2026_07_28)


def test_annotations_count_only_where_properties_alone_lead_to_them():
    assert header_parameters(SCHEMA) == {"Region": ("region",), "Count": ("n",), "On": ("on",), "Id": ("deep", "id")}
    assert header_parameters([]) == {}


def mirrored(**changes):
    headers = request_headers(CALL, R2026_07_28, schema=SCHEMA) | {
        key.replace("_", "-"): value for key, value in changes.items()
    }
    return {key: value for key, value in headers.items() if value is not None}


@pytest.mark.parametrize(
    "changes", [{}, {"mcp_param_count": "42.0"}, {"mcp_name": "=?base64?dA==?="}, {"mcp_param_other": "x"}]
)
def test_headers_that_say_what_the_body_says_pass(changes):
    check_mirrored_headers(CALL, mirrored(**changes).get, SCHEMA)


@pytest.mark.parametrize(
    "changes",
    [
        {"mcp_method": None},
        {"mcp_method": "Tools/Call"},
        {"mcp_name": None},
        {"mcp_name": "T"},
        {"mcp_param_region": None},
        {"mcp_param_region": "eu"},
        {"mcp_param_count": "43"},
        {"mcp_param_count": "4_2"},
        {"mcp_param_count": "nan"},
        {"mcp_param_on": "True"},
        {"mcp_param_on": "1"},
        {"mcp_param_id": "there is none in the body"},
    ],
)
def test_headers_that_say_something_else_are_a_mismatch(changes):
    with pytest.raises(RemoteProtocolError) as caught:
        check_mirrored_headers(CALL, mirrored(**changes).get, SCHEMA)
    assert (caught.value.code, caught.value.http_status) == (-32020, 400)


def test_a_request_about_a_task_may_go_without_its_name_but_not_with_another():
    request = Request(1, "tasks/get", {"taskId": "t"})
    for headers in ({}, {"mcp-name": "t"}):
        check_mirrored_headers(request, {"mcp-method": "tasks/get", **headers}.get)
    with pytest.raises(RemoteProtocolError):
        check_mirrored_headers(request, {"mcp-method": "tasks/get", "mcp-name": "u"}.get)


def test_numbers_are_compared_exactly():
    request = Request(1, "tools/call", {"name": "t", "arguments": {"n": 2**53 + 1}})
    headers = {"mcp-method": "tools/call", "mcp-name": "t", "mcp-param-count": str(2**53)}
    with pytest.raises(RemoteProtocolError):
        check_mirrored_headers(request, headers.get, SCHEMA)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, True),
        ("*/*", True),
        ("application/*", True),
        ("text/html, Application/JSON;q=0.5", True),
        ("text/html", False),
        ("", False),
    ],
)
def test_accept_is_read_as_http_reads_it(value, wanted):
    assert accepts(value, "application/json") is wanted


def test_a_media_type_has_no_parameters():
    assert media_type("Application/JSON; charset=utf-8") == "application/json"
    assert media_type(None) == ""


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "127.0.0.1", True),
        ("http://localhost:3000", "127.0.0.1:8000", True),
        ("http://[::1]", "localhost", True),
        ("https://listed.example", "mcp.example", True),
        ("http://localhost", "mcp.example", False),
        ("http://evil.example", "127.0.0.1", False),
        ("http://localhost.evil.example", "127.0.0.1", False),
        ("null", "127.0.0.1", False),
        ("file://", "127.0.0.1", False),
        ("http://[", "127.0.0.1", False),
        ("http://localhost", "[", False),
        ("http://[::1].evil.example", "127.0.0.1", False),
        ("http://evil.example@localhost", "127.0.0.1", False),
        ("http://localhost#evil.example", "127.0.0.1", False),
    ],
)
def test_origins_of_strangers_are_refused(origin, host, allowed):
    assert origin_allowed(origin, host, frozenset({"https://listed.example"})) is allowed


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:80", True),
        ("LOCALHOST", True),
        ("[::1]:80", True),
        ("mcp.example", True),
        ("evil", False),
        ("[::1].evil.example", False),
        (None, False),
    ],
)
def test_hosts_are_loopback_names_or_listed(host, allowed):
    assert host_allowed(host, frozenset({"mcp.example"})) is allowed
