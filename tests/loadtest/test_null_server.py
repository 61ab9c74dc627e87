"""The null server: nothing but honest."""

import json

from loadtest.null_server import answer


def test_it_answers_with_the_id_and_what_was_asked() -> None:
    reply = json.loads(answer(b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"t":"m7"}}') or b"")
    assert reply["id"] == "a"
    assert "m7" in reply["result"]["content"][0]["text"]


def test_it_agrees_to_the_revision_it_is_offered() -> None:
    message = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}'
    assert json.loads(answer(message) or b"")["result"]["protocolVersion"] == "2025-06-18"


def test_it_is_silent_on_notifications() -> None:
    assert answer(b'{"jsonrpc":"2.0","method":"notifications/initialized"}') is None
