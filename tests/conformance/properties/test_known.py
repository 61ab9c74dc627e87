"""Values that broke servers are tried where a tool's schema allows them, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

from conformance.dialects import misfit
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.known import ID, TEXTS, call_message, known_calls, promise_of
from reference_impl.protocol.revisions import LATEST

from .grounds import ADD, DEPTH, ECHO, ground


def _known(*tools: dict[str, Any]) -> list[Case]:
    here = ground(*tools)
    return list(known_calls(here, list(here.surface.calls())))


def _arguments(cases: list[Case]) -> list[Any]:
    return [case.message["params"]["arguments"] for case in cases if case.message is not None]


def test_every_known_text_is_tried_on_an_argument_that_takes_text() -> None:
    tried = [arguments["text"] for arguments in _arguments(_known(ECHO))]
    assert set(tried) >= {text for _, text in TEXTS}


def test_what_is_tried_as_sound_fits_the_schema() -> None:
    for tool in (ECHO, ADD, DEPTH):
        for arguments in _arguments(_known(tool)):
            assert misfit(tool["inputSchema"], arguments) is None, arguments


def test_bounds_are_tried_and_what_lies_beyond_is_not() -> None:
    tried = [arguments["a"] for arguments in _arguments(_known(ADD))]
    assert {-5, 5, 0, -1} <= set(tried)
    assert max(tried) == 5
    assert 2**63 in [arguments["b"] for arguments in _arguments(_known(ADD))]


def test_what_json_leaves_open_is_written_byte_by_byte_and_need_only_be_survived() -> None:
    raw = [case for case in _known(ECHO, ADD) if case.chunks]
    assert {case.expectation for case in raw} == {Expectation.ANYTHING_BUT_DEATH}
    lines = b"".join(chunk for case in raw for chunk in case.chunks)
    assert rb'"\ud800"' in lines
    assert b"9" * 400 in lines
    assert lines.count(b"\n") == len(raw)


def test_a_recursive_argument_is_nested_a_hundred_deep() -> None:
    (deep,) = [case for case in _known(DEPTH) if case.label.endswith("deep arguments")]
    assert json.dumps(deep.message).count("children") == 100
    assert deep.expectation is Expectation.REPLY


def test_tools_take_turns_and_there_is_an_end() -> None:
    cases = _known(ECHO, ADD)
    assert [case.label.split()[0] for case in cases[:4]] == ["echo", "add", "echo", "add"]
    assert len(_known(*({**ECHO, "name": f"t{number}"} for number in range(40)))) == 120


def test_a_tool_without_members_has_no_known_calls() -> None:
    assert _known({"name": "odd", "annotations": {"readOnlyHint": True}, "inputSchema": {"type": "object"}}) == []


def test_a_call_says_what_its_era_wants() -> None:
    assert call_message(ground(), "t", {"a": 1}) == {
        "jsonrpc": "2.0",
        "id": ID,
        "method": "tools/call",
        "params": {"name": "t", "arguments": {"a": 1}},
    }
    assert "_meta" in call_message(ground(revision=LATEST), "t", {})["params"]


def test_a_promise_holds_the_output_schema() -> None:
    promise = promise_of(ECHO, fits=True)
    assert (promise.fits, promise.output) == (True, ECHO["outputSchema"])
    assert promise_of(ADD, fits=False).output is None
