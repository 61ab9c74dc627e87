"""Forms that servers ask for, filled in at a terminal; and what a terminal is shown."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import anyio
import pytest

from door.host_terminal import Lines, Shown, TerminalForm
from reference_impl.host import Execution, Outcome, Plan, Step
from reference_impl.security.redaction import Redactor

FIELDS = {
    "name": {"type": "string", "description": "Who you are"},
    "age": {"type": "integer"},
    "sure": {"type": "boolean", "default": True},
    "size": {"type": "string", "enum": ["S", "M"]},
    "tags": {"type": "array", "items": {"anyOf": [{"const": "a"}, {"const": "b"}]}},
}


def ask(typed: str, params: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Ask somebody who has typed all of this; return the answer and what was shown."""
    keyboard, line = socket.socketpair()
    with keyboard:
        with line:
            keyboard.sendall(typed.encode())
            terminal = TerminalForm(lambda: os.dup(line.fileno()), Redactor(["top-secret"]))
            answer = anyio.run(terminal, "shop", params)
        return answer, b"".join(iter(lambda: keyboard.recv(65536), b"")).decode()


def form(*required: str, **fields: Any) -> dict[str, Any]:
    return {
        "message": "Please",
        "requestedSchema": {"type": "object", "properties": fields, "required": list(required)},
    }


def test_a_form_is_asked_field_by_field() -> None:
    answer, shown = ask("y\nAda\n36\nn\nM\na, b\n", form("name", **FIELDS))
    assert answer == {
        "action": "accept",
        "content": {"name": "Ada", "age": 36, "sure": False, "size": "M", "tags": ["a", "b"]},
    }
    assert "The server shop asks: Please" in shown
    assert "name - Who you are (string): " in shown
    assert "size (one of S, M, may be empty): " in shown
    assert "sure (boolean, default true): " in shown


def test_what_is_left_empty_has_its_default_or_is_left_out() -> None:
    answer, _ = ask("yes\nAda\n\n\n\n\n", form("name", **FIELDS))
    assert answer["content"] == {"name": "Ada", "sure": True}


def test_what_does_not_fit_is_asked_for_again_and_then_given_up() -> None:
    answer, shown = ask("y\nold\n36\n", form("age", age=FIELDS["age"]))
    assert answer["content"] == {"age": 36}
    assert "That does not fit." in shown
    assert ask("y\nold\nolder\noldest\n", form("age", age=FIELDS["age"]))[0] == {"action": "cancel"}
    assert ask("y\nXL\nXXL\n\n", form("size", size=FIELDS["size"]))[0] == {"action": "cancel"}


@pytest.mark.parametrize(
    ("field", "wrong", "right", "value"),
    [
        ({"type": "number"}, "nan", "2", 2.0),
        ({"type": "number"}, "1e999", "-1.5", -1.5),
        ({"type": "integer", "minimum": 3}, "2", "3", 3),
        ({"type": "string", "minLength": 2}, "x", "xy", "xy"),
        ({"type": "array", "minItems": 1, "items": {"enum": ["a"]}}, ",", "a", ["a"]),
    ],
)
def test_what_the_server_would_refuse_is_asked_for_again(
    field: dict[str, Any], wrong: str, right: str, value: object
) -> None:
    answer, shown = ask(f"y\n{wrong}\n{right}\n", form("a", a=field))
    assert (answer["content"], shown.count("That does not fit.")) == ({"a": value}, 1)


@pytest.mark.parametrize("typed", ["\n", "n\n", "what\n"])
def test_a_form_is_filled_in_only_by_those_who_want_to(typed: str) -> None:
    assert ask(typed, form(**FIELDS))[0] == {"action": "decline"}


@pytest.mark.parametrize(
    "schema", [None, [], {"properties": []}, {"properties": {"a": 1}}, {"properties": {}, "required": 3}], ids=str
)
def test_a_form_that_is_none_has_no_fields(schema: Any) -> None:
    assert ask("y\n", {"requestedSchema": schema})[0] == {"action": "accept", "content": {}}


def test_choices_that_are_none_are_no_choices() -> None:
    assert ask("y\nx\n", form("a", a={"type": [], "oneOf": 7}))[0]["content"] == {"a": "x"}


def test_an_address_is_shown() -> None:
    answer, shown = ask("", {"mode": "url", "message": "Pay", "url": "https://pay.example/\x1b[2J"})
    assert answer == {"action": "accept"}
    assert "https://pay.example/\\u001b[2J" in shown


def test_what_servers_say_moves_no_cursor_and_shows_no_secret() -> None:
    _, shown = ask("n\n", {"message": "\x1b[31mYour key is top-secret\u202e\nApprove all"})
    assert "\x1b" not in shown
    assert "top-secret" not in shown
    assert "\nApprove" not in shown


def test_without_a_terminal_the_answer_is_cancel() -> None:
    def nowhere() -> int:
        raise OSError("no terminal")

    assert anyio.run(TerminalForm(nowhere), "shop", form(**FIELDS)) == {"action": "cancel"}


def test_lines_are_read_from_pipes_to_their_end() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, "één\r\ntwo\nrest".encode())
    os.close(theirs)

    async def read() -> list[str | None]:
        lines = Lines(ours)
        return [await lines.next() for _ in range(4)]

    try:
        assert anyio.run(read) == ["één", "two", "rest", None]
    finally:
        os.close(ours)


def test_plans_and_outcomes_are_one_line_a_step() -> None:
    step = Step("a", "files", "read", {"path": "x\ny", "key": "top-secret"}, why="w")
    shown = Shown(Redactor(["top-secret"]))
    assert shown.plan(Plan((step,))) == 'Plan:\n  a  files/read  {"path": "x\\ny", "key": "[redacted]"}\n'
    failed = Outcome(step, "failed", error="no\nsuch \x1bfile", seconds=0.0123)
    assert shown.outcome(failed) == "  a  files/read  FAILED  12 ms: no such \\u001bfile\n"


def test_json_stays_json_whatever_tools_say_and_whatever_is_a_secret() -> None:
    step = Step("a", "files", "read", {"path": "succeeded 100000", "count": 100000})
    said = "\x1b]0;x\x07\x7f\x9b31m\u202e\U000e0041\ud800 \u2028é"
    outcome = Outcome(step, "failed", step.arguments, {"structuredContent": {"k\x7f": said}}, error=said)
    shown = Shown(Redactor(["100000", "status"]))
    text = shown.json(Execution("x", (Plan((step,)),), (outcome,), said, 100000.0))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "é" in text
    told = json.loads(text)
    assert (told["answer"], told["seconds"], told["steps"][0]["error"]) == (said, 100000.0, said)
    assert told["steps"][0]["result"] == {"structuredContent": {"k\x7f": said}}
    assert told["steps"][0]["arguments"] == {"path": "succeeded [redacted]", "count": 100000}
    assert told["steps"][0]["status"] == "failed"
