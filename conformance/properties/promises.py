"""What a tool's own definition promises of the answer to a call, and what no answer should show."""

from __future__ import annotations

import json
import re
from typing import Any

from conformance.dialects import misfit
from conformance.expect import Mismatch, brief
from conformance.links import Answer
from conformance.properties.case import Case

__all__ = ["CALL_ROWS", "LEAKS", "NAMED", "judge_promise"]

_OUTPUT = "tools.output.conforms"
_IN_RESULT = "tools.call.error-in-result"
_REFUSED = "tools.arguments.refused"
LEAKS = "property.leaks"
CALL_ROWS = (_OUTPUT, _IN_RESULT, LEAKS)
NAMED = frozenset({*CALL_ROWS, _REFUSED})
"""Rows that a failure breaks only where it says so."""

_INTERNAL = -32603
_TRACE = re.compile(
    r"Traceback \(most recent call last\)"
    r'|File "[^"\n]+", line \d+, in '
    r"|\n\s+at [\w$.<>\[\] ]+ ?\((?:[^()\n]*:\d+:\d+|[\w.]+\.java:\d+)\)"
    r"|goroutine \d+ \[running\]"
    r"|stack backtrace:"
)
"""How the runtimes of Python, JavaScript, Java, Go and Rust write where they were when something went wrong."""


def judge_promise(case: Case, answer: Answer) -> None:
    """Judge the answer to a case by what the target promised. Raises `Mismatch`, which names the row that it breaks."""
    _judge_trace(case, answer)
    if case.promise is None:
        return
    if answer.code == _INTERNAL:
        what = f"a result of {case.label}, with isError where the tool failed"
        if not case.promise.fits:
            what = f"an isError result or error -32602 for {case.label}"
        raise _breaking(_IN_RESULT if case.promise.fits else _REFUSED, what, answer.describe(), answer)
    result = answer.result
    if case.promise.output is not None and isinstance(result, dict) and _complete(result):
        _judge_output(case.promise.output, result, answer)


def _complete(result: dict[str, Any]) -> bool:
    finished = result.get("resultType", "complete") == "complete" and "task" not in result
    return finished and result.get("isError") is not True


def _judge_output(schema: Any, result: dict[str, Any], answer: Answer) -> None:
    if "structuredContent" not in result:
        raise _breaking(_OUTPUT, "structuredContent, since the tool has an outputSchema", brief(result), answer)
    if problem := misfit(schema, result["structuredContent"]):
        raise _breaking(_OUTPUT, "structuredContent that fits the tool's outputSchema", problem, answer)


def _judge_trace(case: Case, answer: Answer) -> None:
    result = answer.result
    failed = answer.error is not None or (isinstance(result, dict) and result.get("isError") is True)
    told = _TRACE.search("\n".join(_texts(answer.error or result))) if failed else None
    # What we sent ourselves may come back.
    if told is not None and not _TRACE.search(json.dumps(case.message)):
        raise _breaking(LEAKS, "an error that shows no stack trace", brief(told.group().strip()), answer)


def _texts(value: Any) -> list[str]:
    """Every string of an answer, as it reads."""
    found, left = [], [value]
    while left:
        match left.pop():
            case str(text):
                found.append(text)
            case dict() as members:
                left += members.values()
            case list() as items:
                left += items
    return found


def _breaking(row: str, expected: str, actual: str, answer: Answer) -> Mismatch:
    mismatch = Mismatch(expected, actual, [answer.entry.index])
    mismatch.breaks = row
    return mismatch
