"""Progress, judged."""

from __future__ import annotations

from typing import Any

from tests.conformance.monitors.talk import Talk, notification, request, result


def _asked(token: Any, identifier: int = 1) -> Talk:
    return Talk().we(request(identifier, "tools/call", _meta={"progressToken": token}))


def _progress(token: Any, value: float) -> dict[str, Any]:
    return notification("progress", progressToken=token, progress=value)


def test_a_token_comes_back_with_its_type() -> None:
    assert _asked(7).it(_progress(7, 1)).outcome("progress.token") == "passed"
    assert _asked(7).it(_progress("7", 1)).outcome("progress.token") == "failed"


def test_progress_rises_for_each_token_by_itself() -> None:
    talk = _asked("a").we(request(2, "tools/call", _meta={"progressToken": "b"}))
    assert talk.it(_progress("a", 0.5)).it(_progress("b", 0.1)).outcome("progress.rising") == "passed"
    assert talk.it(_progress("b", 0.1)).outcome("progress.rising") == "failed"


def test_progress_stops_with_the_response() -> None:
    assert _asked("a").it(_progress("a", 1)).it(result(1)).outcome("progress.ended") == "passed"
    assert _asked("a").it(result(1)).it(_progress("a", 1)).outcome("progress.ended") == "failed"


def test_a_token_given_again_is_alive_again() -> None:
    talk = _asked("a").it(result(1)).we(request(2, "tools/call", _meta={"progressToken": "a"}))
    assert talk.it(_progress("a", 1)).outcome("progress.ended") == "passed"


def test_a_task_keeps_its_token() -> None:
    assert _asked("a").it(result(1, task={"taskId": "t"})).it(_progress("a", 1)).outcome("progress.ended") == "passed"


def test_a_message_of_progress_has_something_to_read() -> None:
    def told(message: str) -> str:
        given = request(1, _meta={"progressToken": 7})
        report = notification("progress", progressToken=7, progress=1, message=message)
        return Talk().we(given).it(report).outcome("progress.words")

    assert told("Step 1") == told("…") == "passed"
    assert told("") == told(" \n") == "failed"
