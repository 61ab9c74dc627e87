"""What the monitors of the envelope hold against a target, and what they do not."""

from __future__ import annotations

import pytest

from tests.conformance.monitors.talk import MODERN, Talk, error, notification, request, result


def test_an_id_is_compared_with_its_type() -> None:
    assert Talk().we(request("1")).it(result("1")).outcome("base.response-ids") == "passed"
    assert Talk().we(request("1")).it(result(1)).outcome("base.response-ids") == "failed"


def test_a_number_may_be_written_with_a_fraction_of_zero() -> None:
    assert Talk().we(request(7)).it(b'{"jsonrpc":"2.0","id":7.0,"result":{}}').outcome("base.response-ids") == "passed"


def test_the_checks_of_ids_judge_the_ids_of_their_own_answers() -> None:
    talk = Talk().we(request(1)).it(result(1)).we(request("1")).it(result(1), owned_by="base.id.string")
    assert talk.outcome("base.response-ids") == "passed"


def test_an_error_without_id_is_right_for_what_could_not_be_read() -> None:
    talk = Talk().we(request(1)).it(result(1)).we(b"garbage", "no JSON").it(error(None, -32700))
    assert talk.outcome("base.response-ids") == "passed"
    assert talk.outcome("base.notification-silence") == "blocked"


def test_an_error_without_id_for_a_readable_request_is_a_lost_id() -> None:
    talk = Talk().we(request(1)).it(error(None))
    assert talk.outcome("base.response-ids") == "failed"
    assert talk.outcome("base.notification-silence") == "blocked"


def test_an_error_without_id_after_a_notification_is_a_response_to_it() -> None:
    talk = Talk().we(notification("unknown")).it(error(None)).we(request(1)).it(result(1))
    assert talk.outcome("base.notification-silence") == "failed"
    assert talk.outcome("base.response-ids") == "passed"


def test_a_cancelled_request_lost_no_id() -> None:
    talk = Talk().we(request(1)).we(notification("cancelled", requestId=1)).we(notification("unknown")).it(error(None))
    assert talk.outcome("base.notification-silence") == "failed"
    assert talk.outcome("base.response-ids") == "blocked"


def test_a_second_response_is_one_too_many() -> None:
    talk = Talk().we(request(1)).it(result(1))
    assert talk.outcome("base.one-response") == "passed"
    assert talk.it(result(1)).outcome("base.one-response") == "failed"


@pytest.mark.parametrize(
    "answer",
    [
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"result":[]}',
        b'{"jsonrpc":"2.0","id":1,"error":"no"}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"-32601","message":"no"}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":true,"message":"no"}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
    ],
)
def test_a_response_has_a_result_or_a_whole_error(answer: bytes) -> None:
    assert Talk().we(request(1)).it(answer).outcome("base.response-shape") == "failed"


def test_a_code_may_be_written_with_a_fraction_of_zero() -> None:
    answer = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601.0,"message":"no"}}'
    assert Talk().we(request(1)).it(answer).outcome("base.response-shape") == "passed"


@pytest.mark.parametrize(("code", "outcome"), [(-32002, "failed"), (-32042, "failed"), (-32050, "failed")])
def test_retired_and_undefined_codes_are_held_against_modern_servers(code: int, outcome: str) -> None:
    assert Talk(MODERN).we(request(1)).it(error(1, code)).outcome("base.error-codes") == outcome
    assert Talk().we(request(1)).it(error(1, code)).outcome("base.error-codes") == "blocked"


@pytest.mark.parametrize("code", [-32022, -32021, -32602, -32001, 1])
def test_other_codes_are_free(code: int) -> None:
    assert Talk(MODERN).we(request(1)).it(error(1, code)).outcome("base.error-codes") == "passed"


def test_header_errors_cannot_be_meant_where_there_are_no_headers() -> None:
    assert Talk(MODERN).we(request(1)).it(error(1, -32020)).outcome("base.error-codes") == "failed"
