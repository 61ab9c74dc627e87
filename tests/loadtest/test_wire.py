"""Requests as bytes and verdicts on answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.sample import Failure
from loadtest.wire import (
    FIRST_MARKER,
    Endpoint,
    Expected,
    Sign,
    Template,
    answer_to_server,
    initialize,
    judge,
    post,
    response_id,
)
from loadtest.workload import Operation
from reference_impl.protocol.revisions import R2025_11_25, R2026_07_28, Revision

MARKER = FIRST_MARKER + 7
WAITING = Expected(5, b"1000000007")


def template(params: dict[str, Any], revision: Revision = R2026_07_28, method: str = "tools/call") -> Template:
    return Template(Operation(name="op", method=method, params=params), revision)


def test_every_call_carries_its_own_marker_as_text_and_as_number() -> None:
    subject = template({"name": "add", "arguments": {"text": "a{n}b", "value": "{n:number}"}}, R2025_11_25)
    message = json.loads(subject.body(5, MARKER))
    assert message == {
        "jsonrpc": "2.0",
        "id": 5,
        "method": "tools/call",
        "params": {"name": "add", "arguments": {"text": "a1000000007b", "value": 1000000007}},
    }


def test_a_modern_request_describes_itself() -> None:
    meta = json.loads(template({"name": "echo"}).body(1, MARKER))["params"]["_meta"]
    assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert meta["io.modelcontextprotocol/clientCapabilities"] == {}


def test_a_modern_post_mirrors_method_and_name() -> None:
    headers = template({"name": "größe"}).headers(MARKER, None)
    assert headers["mcp-protocol-version"] == "2026-07-28"
    assert headers["mcp-method"] == "tools/call"
    assert headers["mcp-name"] == "=?base64?Z3LDtsOfZQ==?="


def test_a_legacy_post_carries_version_and_session_alone() -> None:
    headers = template({"name": "echo"}, R2025_11_25).headers(MARKER, "s1")
    assert headers["mcp-session-id"] == "s1"
    assert headers["mcp-protocol-version"] == "2025-11-25"
    assert "mcp-method" not in headers


def test_headers_are_made_anew_only_where_they_hold_the_marker() -> None:
    assert template({"name": "echo", "arguments": {"text": "{n}"}}).fixed_headers
    reading = template({"uri": "test://{n}"}, method="resources/read")
    assert not reading.fixed_headers
    assert reading.headers(MARKER, None)["mcp-name"] == "test://1000000007"


def test_parameters_that_a_tool_mirrors_become_headers() -> None:
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    params = {"name": "look", "arguments": {"region": "eu"}}
    subject = Template(Operation(name="op", method="tools/call", params=params, schema=schema), R2026_07_28)
    assert subject.headers(MARKER, None)["mcp-param-region"] == "eu"


def test_a_post_is_complete_and_counts_its_bytes() -> None:
    endpoint = Endpoint("http://user@localhost:81/a/mcp?x=1", {"Accept": "application/json"})
    request = post(endpoint.head({"accept": "*/*", "content-type": "application/json"}), '{"ü":1}'.encode())
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /a/mcp?x=1 HTTP/1.1",
        b"host: localhost:81",
        b"accept: application/json",
        b"content-type: application/json",
        b"content-length: 8",
    ]
    assert body == '{"ü":1}'.encode()
    assert (endpoint.host, endpoint.port, endpoint.tls) == ("localhost", 81, False)


@pytest.mark.parametrize(("url", "port"), [("https://host/mcp", 443), ("http://host", 80)])
def test_a_url_without_port_has_the_one_of_its_scheme(url: str, port: int) -> None:
    assert Endpoint(url, {}).port == port


def test_a_header_that_would_split_the_request_is_refused() -> None:
    with pytest.raises(ValueError, match="no header may"):
        Endpoint("http://host/", {"x": "a\r\nhost: evil"})


def test_a_path_is_written_in_ascii() -> None:
    assert Endpoint("http://host/ä b?q=%20&x=1", {}).head({}).startswith(b"POST /%C3%A4%20b?q=%20&x=1 HTTP/1.1\r\n")


def test_initialize_offers_the_revision() -> None:
    assert (initialize(1, R2025_11_25).params or {})["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    "result", ['{"content":[{"type":"text","text":"x1000000007"}]}', '{"isError":false,"n":1000000007}']
)
def test_the_right_id_with_a_result_and_the_marker_is_an_answer(result: str) -> None:
    assert judge(f'{{"jsonrpc":"2.0","id":5,"result":{result}}}', WAITING) is Sign.ANSWER


@pytest.mark.parametrize(
    "message", ['{"jsonrpc":"2.0","method":"notifications/progress"}', '{"jsonrpc":"2.0","id":5,"method":"ping"}']
)
def test_what_the_server_says_meanwhile_is_unrelated(message: str) -> None:
    assert judge(message, WAITING) is Sign.UNRELATED


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"jsonrpc":"2.0","id":"5","result":{}}', "wrong-id"),
        ('{"jsonrpc":"2.0","id":5.0,"result":{}}', "wrong-id"),
        ('{"jsonrpc":"2.0","id":true,"result":{}}', "wrong-id"),
        ('{"jsonrpc":"2.0","id":6,"result":{"t":"1000000007"}}', "wrong-id"),
        ('{"jsonrpc":"2.0","id":5}', "malformed"),
        ("[]", "malformed"),
        ("<html>", "malformed"),
        ('{"jsonrpc":"2.0","id":5,"result":{"t":"1000000008"}}', "foreign-answer"),
        ('{"jsonrpc":"2.0","id":5,"error":{"code":-32602,"message":"no"}}', "-32602"),
        ('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}', "-32700"),
        ('{"jsonrpc":"2.0","id":5,"result":{"isError":true,"t":"1000000007"}}', ""),
        ('{"jsonrpc":"2.0","id":5,"result":{"resultType":"input_required"}}', "input-required"),
        ('{"jsonrpc":"2.0","id":5,"result":{"isError":"yes"}}', "malformed"),
    ],
)
def test_a_bad_answer_is_a_failure_with_a_code(message: str, code: str) -> None:
    verdict = judge(message, WAITING)
    assert isinstance(verdict, Failure)
    assert verdict.code == code


def test_an_answer_that_need_not_echo_is_not_searched() -> None:
    assert judge('{"jsonrpc":"2.0","id":5,"result":{}}', Expected(5)) is Sign.ANSWER


@given(st.binary(max_size=40))
def test_no_bytes_break_the_judge(data: bytes) -> None:
    assert judge(data, WAITING) is not None
    response_id(data)
    answer_to_server(data)


@pytest.mark.parametrize(
    ("line", "identifier"),
    [
        (b'{"id":3,"result":{}}', 3),
        (b'{"id":3,"method":"ping"}', None),
        (b'{"id":"3","result":{}}', None),
        (b"noise", None),
    ],
)
def test_the_id_of_an_answer_finds_who_waits(line: bytes, identifier: int | None) -> None:
    assert response_id(line) == identifier


def test_a_ping_is_answered_and_any_other_request_refused() -> None:
    assert json.loads(answer_to_server('{"id":1,"method":"ping"}') or b"")["result"] == {}
    assert json.loads(answer_to_server('{"id":"a","method":"roots/list"}') or b"")["error"]["code"] == -32601
    assert answer_to_server('{"method":"notifications/message"}') is None
