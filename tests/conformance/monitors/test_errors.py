"""What the monitor of error codes holds against a server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import MODERN, Talk, error, request

MEANING = "base.error-meaning"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
VERSION = "io.modelcontextprotocol/protocolVersion"


@pytest.mark.parametrize("code", [-32700, -32600, -32603, -32000, -32050, 1, -1, 40000])
def test_codes_of_json_rpc_and_of_servers_are_fine(code: int) -> None:
    assert Talk(MODERN).we(request(1)).it(error(1, code)).outcome(MEANING) == "passed"


@pytest.mark.parametrize("code", [-32100, -32604, -32768, -32500])
def test_the_rest_of_the_range_is_nobodys(code: int) -> None:
    assert Talk(MODERN).we(request(1)).it(error(1, code)).outcome(MEANING) == "failed"


def test_the_version_that_is_spoken_is_not_unsupported() -> None:
    asked = request(1, _meta={VERSION: MODERN})
    assert Talk(MODERN).we(asked).it(error(1, -32022)).outcome(MEANING) == "failed"
    other = request(1, _meta={VERSION: "2099-01-01"})
    assert Talk(MODERN).we(other).it(error(1, -32022)).outcome(MEANING) == "passed"


@pytest.mark.parametrize(
    ("required", "outcome"),
    [
        ({"sampling": {}}, "failed"),
        ({"sampling": {"tools": {}}}, "passed"),
        ({"roots": {}}, "passed"),
        ({"elicitation": {}}, "passed"),
        ({}, "passed"),
    ],
)
def test_what_was_declared_is_not_missing(required: dict[str, Any], outcome: str) -> None:
    asked = request(1, _meta={CAPABILITIES: {"sampling": {}, "elicitation": {"form": {}}}})
    answer = error(1, -32021)
    answer["error"]["data"] = {"requiredCapabilities": required}
    assert Talk(MODERN).we(asked).it(answer).outcome(MEANING) == outcome
