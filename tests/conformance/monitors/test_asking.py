"""What the monitors of a server's own requests and questions hold against it."""

from __future__ import annotations

import pytest

from tests.conformance.monitors.talk import MODERN, Talk, notification, request, result

IDS = "base.server-request-ids"


def test_ids_of_each_kind_are_fine() -> None:
    assert Talk().it(request(0, "roots/list")).it(request("0", "roots/list")).outcome(IDS) == "passed"


@pytest.mark.parametrize("identifier", [None, True, 1.5, [1], {}])
def test_an_id_of_another_type_is_wrong(identifier: object) -> None:
    assert Talk().it(request(identifier, "roots/list")).outcome(IDS) == "failed"


def test_an_id_comes_back_neither_after_its_answer() -> None:
    talk = Talk().it(request(1, "roots/list")).we(result(1)).it(request(1, "roots/list"))
    assert talk.outcome(IDS) == "failed"


def test_a_token_may_come_back_after_its_request_was_answered() -> None:
    first, second = (request(number, "roots/list", _meta={"progressToken": 7}) for number in (1, 2))
    assert Talk().it(first).we(result(1)).it(second).outcome("progress.server-tokens") == "passed"
    assert Talk().it(first).it(second).outcome("progress.server-tokens") == "failed"


@pytest.mark.parametrize("token", [None, True, 1.5, []])
def test_a_token_of_another_type_is_wrong(token: object) -> None:
    talk = Talk().it(request(1, "roots/list", _meta={"progressToken": token}))
    assert talk.outcome("progress.server-tokens") == "failed"


def test_only_requests_that_are_no_tasks_are_taken_back() -> None:
    task, plain = request(1, "sampling/createMessage", task={}), request(2, "roots/list")
    taken = Talk().it(task).it(plain).it(notification("cancelled", requestId=2))
    assert taken.outcome("cancellation.tasks") == "passed"
    assert taken.it(notification("cancelled", requestId=1)).outcome("cancellation.tasks") == "failed"


def test_a_key_that_stands_twice_is_seen_in_the_bytes() -> None:
    asked = (
        b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required",'
        b'"inputRequests":{"a":{"method":"roots/list"},"a":{"method":"roots/list"}}}}'
    )
    assert Talk(MODERN).we(request(1)).it(asked).outcome("mrtr.question-keys") == "failed"
    assert Talk(MODERN).we(request(1)).it(asked.replace(b'},"a"', b'},"b"')).outcome("mrtr.question-keys") == "passed"
