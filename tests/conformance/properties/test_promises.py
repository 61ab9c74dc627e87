"""What a tool's own definition promises is held against the answer; what nobody promised is not."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.expect import Mismatch
from conformance.links import Answer
from conformance.properties.case import Case, Promise
from conformance.properties.expectation import Expectation
from conformance.properties.promises import CALL_ROWS, LEAKS, NAMED, judge_promise
from conformance.transcript import Direction, Entry

OUTPUT = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
SOUND = {"content": [], "structuredContent": {"sum": 3}}
PYTHON = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>'
NODE = "Error: no\n    at handle (/srv/index.js:10:5)"


def _answer(**fields: Any) -> Answer:
    message = {"jsonrpc": "2.0", "id": 1, **fields}
    return Answer("tools/call", 1, message, Entry(4, 0.0, Direction.RECEIVED, b"", message))


def _judge(answer: Answer, *, fits: bool = True, output: Any = OUTPUT, sent: Any = None) -> None:
    judge_promise(Case("the call", Expectation.ANSWER, sent, promise=Promise(fits, output)), answer)


def _error(code: int, message: str = "no") -> Answer:
    return _answer(error={"code": code, "message": message})


def _failed(text: str) -> Answer:
    return _answer(result={"content": [{"type": "text", "text": text}], "isError": True})


@pytest.mark.parametrize(
    "answer",
    [
        _answer(result=SOUND),
        _answer(result={"content": [], "isError": True}),
        _answer(result={"resultType": "input_required"}),
        _answer(result={"task": {"taskId": "1"}}),
        _error(-32602),
        _failed("File not found"),
        _answer(result={"content": [{"type": "text", "text": PYTHON}], "structuredContent": {"sum": 3}}),
    ],
)
def test_what_keeps_the_promise_passes(answer: Answer) -> None:
    _judge(answer)


@pytest.mark.parametrize(
    ("answer", "fits", "row", "words"),
    [
        (_answer(result={"content": []}), True, "tools.output.conforms", "since the tool has an outputSchema"),
        (_answer(result={"structuredContent": {"sum": "3"}}), True, "tools.output.conforms", "'3' is not of type"),
        (_error(-32603), True, "tools.call.error-in-result", "with isError where the tool failed"),
        (_error(-32603), False, "tools.arguments.refused", "error -32602"),
        (_failed(PYTHON), True, LEAKS, "no stack trace"),
        (_error(-32000, NODE), True, LEAKS, "no stack trace"),
    ],
)
def test_what_breaks_it_names_the_row_and_the_entry(answer: Answer, fits: bool, row: str, words: str) -> None:
    with pytest.raises(Mismatch) as caught:
        _judge(answer, fits=fits)
    assert words in str(caught.value)
    assert caught.value.breaks == row
    assert row in NAMED


def test_without_an_output_schema_any_content_will_do() -> None:
    _judge(_answer(result={"content": []}), output=None)
    judge_promise(Case("no call", Expectation.ANSWER), _answer(result={"content": []}))


def test_a_trace_that_we_sent_ourselves_may_come_back() -> None:
    _judge(_failed(PYTHON), sent={"params": {"text": "Traceback (most recent call last)"}})


def test_a_trace_is_found_however_deep_it_lies() -> None:
    nested = _answer(error={"code": -1, "message": "no", "data": [{"stack": ["x", NODE]}]})
    with pytest.raises(Mismatch, match="stack trace"):
        judge_promise(Case("any", Expectation.ANSWER), nested)


def test_each_row_of_a_call_is_named() -> None:
    assert set(CALL_ROWS) <= NAMED
