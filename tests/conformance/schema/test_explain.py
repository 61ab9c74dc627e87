"""What a violation says: the defect that the sender can mend, not that a union did not match."""

import pytest

from conformance.schema import Violation, violations
from conformance.schema.explain import shown

OLD, NEW = "2025-11-25", "2026-07-28"
TEXT = {"type": "text", "text": "x"}


def _call_result(*content):
    return {"resultType": "complete", "content": list(content)}


@pytest.mark.parametrize(
    ("definition", "value", "pointer", "message"),
    [
        (
            "CallToolResult",
            _call_result(TEXT, {"type": "txt", "text": "x"}),
            "/content/1/type",
            '"txt" is none of "text", "image", "audio", "resource_link", "resource"',
        ),
        ("CallToolResult", _call_result({"type": "text", "text": 5}), "/content/0/text", "5 where string belongs"),
        ("CallToolResult", _call_result({"text": "x"}), "/content/0", "member 'type' is missing"),
        ("CallToolResult", _call_result({}), "/content/0", "member 'type' is missing"),
        ("CallToolResult", _call_result(5), "/content/0", "5 where object belongs"),
        ("CallToolResult", {"resultType": "complete", "content": TEXT}, "/content", "an object where array belongs"),
        (
            "CallToolResultResponse",
            {"jsonrpc": "2.0", "id": 1, "result": _call_result(None)},
            "/result/content/0",
            "null where object belongs",
        ),
        (
            "JSONRPCMessage",
            {"jsonrpc": "2.0", "id": None, "method": "x"},
            "/id",
            "null where string or integer belongs",
        ),
        ("JSONRPCMessage", {"jsonrpc": "1.0", "id": 1, "method": "x"}, "/jsonrpc", '"1.0" is not "2.0"'),
        ("JSONRPCMessage", {"jsonrpc": "2.0", "id": 1, "result": 5}, "/result", "5 where object belongs"),
        ("JSONRPCMessage", {"jsonrpc": "2.0", "id": 1, "error": {"code": 1}}, "/error", "member 'message' is missing"),
        (
            "JSONRPCMessage",
            {"jsonrpc": "2.0", "id": 1, "result": {"resultType": ""}, "error": {}},
            "/error",
            "an object where nothing belongs",
        ),
        ("JSONRPCMessage", [], "", "an array where object belongs"),
        (
            "ClientRequest",
            {"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "x"}},
            "/params",
            "member '_meta' is missing",
        ),
        (
            "ServerNotification",
            {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "loud", "data": 1}},
            "/params/level",
            '"loud" is none of "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"',
        ),
        (
            "PrimitiveSchemaDefinition",
            {"type": "text"},
            "/type",
            '"text" is none of "string", "boolean", "array", "number", "integer"',
        ),
        (
            "InputRequiredResult",
            {"resultType": "input_required"},
            "",
            "none of the members 'inputRequests', 'requestState' is there",
        ),
        (
            "ElicitResult",
            {"action": "accept", "content": {"a/b~c": None}},
            "/content/a~1b~0c",
            "null where string, number, boolean or array belongs",
        ),
        (
            "CallToolResult",
            _call_result({"type": "resource", "resource": {"uri": "x"}}),
            "/content/0/resource",
            "none of the members 'text', 'blob' is there",
        ),
        (
            "JSONRPCMessage",
            {"jsonrpc": "2.0", "id": 1},
            "",
            "none of the members 'method', 'result', 'error' is there",
        ),
        (
            "MultiSelectEnumSchema",
            {"type": "array", "items": {"type": "number", "enum": []}},
            "/items/type",
            '"number" is not "string"',
        ),
        ("SamplingMessage", {"role": "user", "content": 7}, "/content", "7 where object or array belongs"),
        ("Annotations", {"priority": 1.5}, "/priority", "1.5 is more than 1"),
        ("Annotations", {"priority": -1}, "/priority", "-1 is less than 0"),
        (
            "CompleteResult",
            {"resultType": "complete", "completion": {"values": ["x"] * 101}},
            "/completion/values",
            "101 elements where at most 100 belong",
        ),
    ],
)
def test_a_defect_is_named_at_its_place(definition, value, pointer, message):
    assert [(found.pointer, found.message) for found in violations(NEW, definition, value)] == [(pointer, message)]


def test_every_defect_is_told_once():
    assert violations(OLD, "Tool", {"inputSchema": {"type": "array", "properties": {"a": True}}}) == [
        Violation("/inputSchema/type", '"array" is not "object"', "const"),
        Violation("/inputSchema/properties/a", "true where object belongs", "type"),
        Violation("", "member 'name' is missing", "required"),
    ]


def test_a_request_is_judged_as_the_method_it_names():
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 3, "arguments": []}}
    assert [found.pointer for found in violations(OLD, "ClientRequest", call)] == ["/params/name", "/params/arguments"]


def test_an_unknown_method_is_told_apart_from_all_known_ones():
    (found,) = violations(NEW, "ClientRequest", {"jsonrpc": "2.0", "id": 1, "method": "tools/cal", "params": {}})
    assert found.pointer == "/method"
    assert '"tools/call"' in found.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ä\n", '"ä\\n"'),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ([1], "an array"),
        ({}, "an object"),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_a_value_is_shown_as_json(value, text):
    assert shown(value) == text


def test_a_long_value_is_shortened():
    assert shown("x" * 1000) == '"' + "x" * 59 + "…"


@pytest.mark.parametrize("revision", [OLD, NEW])
def test_in_a_union_a_block_of_no_known_type_is_told_of_its_type(revision):
    known = '"txt" is none of "text", "image", "audio", "tool_use", "tool_result"'
    for content, pointer in (({"type": "txt"}, "/content/type"), ([{"type": "txt"}], "/content/0/type")):
        found = violations(revision, "SamplingMessage", {"role": "user", "content": content})
        assert [(each.pointer, each.message) for each in found] == [(pointer, known)]
