"""Answers to POSTs, however they are cut and framed."""

from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.http_reply import HttpReplies
from loadtest.wire import Expected
from reference_impl.metrics import ErrorClass

ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
PROGRESS = b'{"jsonrpc":"2.0","method":"notifications/progress","params":{}}'


def response(body: bytes, status: str = "200 OK", kind: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def chunked(*parts: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def event(message: bytes) -> bytes:
    return b"event: message\r\ndata: " + message + b"\r\n\r\n"


def read(data: bytes, expected: Expected | None = Expected(1)) -> HttpReplies:  # noqa: B008 - a frozen value
    replies = HttpReplies()
    replies.expect(expected)
    replies.feed(data)
    return replies


WHOLE = {
    "json": response(ANSWER),
    "events": response(event(PROGRESS) + event(ANSWER), kind="text/event-stream; charset=utf-8"),
    "chunked": chunked(b": hello\n\n", event(PROGRESS)[:7], event(PROGRESS)[7:] + event(ANSWER)) + b"0\r\n\r\n",
    "after 103": b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(ANSWER),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
@given(sizes=st.lists(st.integers(min_value=1, max_value=80), min_size=1, max_size=6))
def test_a_good_answer_is_found_however_it_is_cut(data: bytes, sizes: list[int]) -> None:
    replies = HttpReplies()
    for _ in range(2):  # the connection is kept
        replies.expect(Expected(1))
        rest, cuts = data, cycle(sizes)
        while rest:
            size = next(cuts)
            replies.feed(rest[:size])
            rest = rest[size:]
        assert replies.answered
        assert replies.complete
        assert replies.failure is None
        assert replies.reusable
        assert replies.size == len(data)


def test_an_event_stream_is_answered_before_it_ends() -> None:
    replies = read(chunked(event(ANSWER)))
    assert replies.answered
    assert not replies.complete
    replies.feed(b"0\r\n\r\n")
    assert replies.complete


def test_events_of_other_types_are_no_messages() -> None:
    beats = b'event: ping\ndata: 2026-01-01\n\nevent: heartbeat\ndata: {"t": 1}\n\n'
    replies = read(chunked(beats, event(ANSWER)) + b"0\r\n\r\n")
    assert (replies.answered, replies.failure) == (True, None)


def test_a_body_without_length_ends_with_the_connection() -> None:
    replies = read(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + ANSWER)
    assert not replies.answered
    replies.end()
    assert replies.answered
    assert replies.failure is None
    assert not replies.reusable


def test_the_session_id_is_read_without_the_blanks_around_it() -> None:
    assert read(response(ANSWER, extra="Mcp-Session-Id: abc \r\n")).session == "abc"


def test_a_notification_is_accepted_with_202() -> None:
    replies = read(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", expected=None)
    assert replies.answered
    assert replies.failure is None


def test_a_server_that_closes_after_the_answer_is_not_asked_again_there() -> None:
    assert not read(response(ANSWER, extra="Connection: close\r\n")).reusable


@pytest.mark.parametrize(
    ("data", "error_class", "code"),
    [
        (response(b"busy", "503 Service Unavailable", "text/plain"), ErrorClass.HTTP_STATUS, "503"),
        (
            response(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}', "404 Not Found"),
            ErrorClass.JSON_RPC,
            "-32601",
        ),
        (response(b'{"detail":"Not Found"}', "404 Not Found"), ErrorClass.HTTP_STATUS, "404"),
        (
            response(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}', "401 Unauthorized"),
            ErrorClass.HTTP_STATUS,
            "401",
        ),
        (response(b"{}"), ErrorClass.JSON_RPC, "wrong-id"),
        (response(PROGRESS), ErrorClass.JSON_RPC, "no-answer"),
        (response(event(PROGRESS), kind="text/event-stream"), ErrorClass.TRANSPORT, "no-answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ErrorClass.TRANSPORT, "not-http"),
    ],
)
def test_a_bad_answer_is_classed(data: bytes, error_class: ErrorClass, code: str) -> None:
    failure = read(data).failure
    assert failure is not None
    assert (failure.error_class, failure.code) == (error_class, code)


@given(st.integers(min_value=0, max_value=len(response(ANSWER)) - 1))
def test_a_connection_that_ends_early_is_a_failure(length: int) -> None:
    replies = read(response(ANSWER)[:length])
    replies.end()
    assert replies.failure is not None
    assert replies.failure.code == "closed"


def test_a_notification_is_accepted_by_any_2xx_whatever_comes_with_it() -> None:
    for data in (WHOLE["events"], WHOLE["json"], response(b"", "202 Accepted")):
        replies = read(data, None)
        assert (replies.answered, replies.complete, replies.failure) == (True, True, None)


def test_a_server_that_switches_protocols_fails_the_request() -> None:
    replies = read(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI")
    assert replies.failure is not None
    assert (replies.failure.code, replies.reusable, replies.complete) == ("not-http", False, True)


def test_the_status_is_known_beside_the_error_that_the_body_tells() -> None:
    # An ended session is a 404, and servers may say more in the body.
    replies = HttpReplies()
    replies.expect(Expected(1))
    replies.feed(response(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}', "404 Not Found"))
    assert replies.failure is not None
    assert (replies.failure.code, replies.status) == ("-32600", 404)
