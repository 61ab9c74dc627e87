"""What a task gets back, and its say over it."""

import pytest

from loadtest.exchange import Exchange
from loadtest.response import OperationError, Response
from loadtest.sample import Failure
from reference_impl.metrics import ErrorClass

GOOD = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"tea"}],"structuredContent":{"n":1}}}'
BAD = Failure(ErrorClass.IS_ERROR, "", "no tea")


def exchange(message: bytes | None = GOOD, failure: Failure | None = None) -> Exchange:
    return Exchange(1.0, 1.2, 1.5, 10, failure, None, message)


def caught(failure: Failure | None = None) -> tuple[Response, list[Response]]:
    reported: list[Response] = []
    return Response("call", exchange(failure=failure), reported.append), reported


def test_an_answer_is_decoded() -> None:
    response = Response("call", exchange())
    assert response
    assert response.text == "tea"
    assert response.structured == {"n": 1}
    assert response["content"] == response.result["content"]
    assert response.seconds == 0.5
    response.raise_for_failure()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b'{"result":{"contents":[{"uri":"a:b","text":"one"},{"uri":"a:c","blob":""}]}}', "one"),
        (b'{"result":{"messages":[{"role":"user","content":{"type":"text","text":"two"}}]}}', "two"),
        (b'{"error":{"code":1,"message":"no"}}', ""),
        (b"<html>", ""),
        (None, ""),
    ],
)
def test_texts_are_found_wherever_they_stand(message: bytes | None, text: str) -> None:
    assert Response("call", exchange(message)).text == text


def test_a_failure_is_told_and_raised_on_demand() -> None:
    response = Response("call", exchange(failure=BAD))
    assert not response
    assert response.text == "tea"
    with pytest.raises(OperationError, match="no tea"):
        response.raise_for_failure()


def test_a_member_of_what_failed_tells_why_there_is_none() -> None:
    refused = Response("tools/list", exchange(None, Failure(ErrorClass.TRANSPORT, "connect", "refused")))
    with pytest.raises(OperationError, match="transport connect: refused"):
        refused["tools"]
    with pytest.raises(KeyError, match="tools"):
        Response("tools/list", exchange())["tools"]


def test_a_task_that_rejects_what_had_failed_already_does_not_hide_why() -> None:
    response, reported = caught(Failure(ErrorClass.TRANSPORT, "connect", "refused"))
    with response:
        response.failure("asked for tea, got nothing")
    error = reported[0].error
    assert error is not None
    assert str(error) == "transport connect: asked for tea, got nothing (refused)"


def test_a_block_without_a_word_leaves_the_answer_what_it_is() -> None:
    response, reported = caught(BAD)
    with response:
        pass
    assert [each.error and each.error.failure for each in reported] == [BAD]


def test_a_task_may_take_a_failure_for_good_and_the_other_way_round() -> None:
    response, reported = caught(BAD)
    with response as answer:
        answer.success()
    assert reported[0].error is None
    response, reported = caught()
    with response as answer:
        answer.failure("too sweet")
    assert str(reported[0].error) == "json-rpc rejected: too sweet"


def test_an_assertion_makes_it_a_failure_and_goes_on() -> None:
    response, reported = caught()
    with pytest.raises(AssertionError), response as answer:
        assert answer.text == "coffee", "no coffee"
    assert "no coffee" in str(reported[0].error)


def test_a_failure_that_is_raised_on_demand_ends_with_its_block() -> None:
    response, reported = caught(BAD)
    with response as answer:
        answer.raise_for_failure()
    assert len(reported) == 1


def test_what_has_nothing_to_do_with_the_answer_does_not_make_it_bad() -> None:
    response, reported = caught()
    with pytest.raises(KeyboardInterrupt), response:
        raise KeyboardInterrupt
    assert reported[0].error is None


def test_only_what_was_to_be_caught_is_judged() -> None:
    with pytest.raises(RuntimeError, match="catch_response=True"), Response("call", exchange()):
        pass
