"""What counts as pollution of standard output."""

from __future__ import annotations

import pytest

from tests.conformance.monitors.talk import Talk, request, result


@pytest.mark.parametrize("line", [b"Server started", b'"hello"', b"42", b'{"level":"info"}', b"{", b"[]", b"null"])
def test_a_line_that_is_no_message_pollutes(line: bytes) -> None:
    assert Talk().it(line).we(request(1)).it(result(1)).outcome("stdio.stdout") == "failed"


def test_pollution_is_found_in_conversations_without_a_handshake() -> None:
    judged = Talk(None).it(b"Server started").judged("stdio.stdout")
    assert judged.mismatch is not None
    assert judged.mismatch.actual == "the bytes 'Server started' before anything was sent"


def test_an_array_is_a_message_where_there_are_batches() -> None:
    assert Talk("2025-03-26").it(b"[]").outcome("stdio.stdout") == "passed"


def test_an_answer_to_our_own_batch_is_left_to_the_check_that_sent_it() -> None:
    assert Talk().we([request(1)], "a batch").it([result(1)]).outcome("stdio.stdout") == "passed"


def test_a_message_cut_off_at_the_end_of_the_process_is_not_held_against_it() -> None:
    assert Talk().we(request(1)).it(b'{"jsonrpc":"2.0","id":1,"res').ended().outcome("stdio.stdout") == "blocked"
    assert Talk().we(request(1)).it(b"Goodbye").ended().outcome("stdio.stdout") == "failed"


def test_bytes_that_are_no_utf_8_are_the_finding_of_the_encoding() -> None:
    talk = Talk().we(request(1)).it(b'{"text":"\xe9"}')
    assert talk.outcome("stdio.stdout") == "blocked"
    assert talk.outcome("base.utf-8") == "failed"
