"""Replies, however their bytes were cut on the way."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.transports.http_link import HttpLink, HttpReply
from reference_impl.transports.http_terms import BadHttp, ConnectionLost

FIRST = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nfirst"
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
SECOND = (
    b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\nX: \r\n\r\n3\r\nsec\r\n3;a=b\r\nond\r\n0\r\nY: z\r\n\r\n"
)


class Socket(asyncio.Transport):
    """What a link writes to, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, _: bytes | bytearray | memoryview) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    close = abort


def connected() -> tuple[HttpLink, Socket, list[HttpLink]]:
    socket, rested = Socket(), []
    link = HttpLink(rested.append, lambda _: None)
    link.connection_made(socket)
    return link, socket, rested


def body(reply: HttpReply) -> bytes:
    return b"".join(reply._chunks)


@given(st.lists(st.integers(1, 40), min_size=1))
def test_two_replies_on_one_connection_survive_any_cut(sizes):
    link, socket, rested = connected()
    replies = []
    for data in (FIRST, INTERIM + SECOND):
        replies.append(link.begin(b""))
        position = 0
        while position < len(data):
            size = sizes[position % len(sizes)]
            link.data_received(data[position : position + size])
            position += size
    first, second = replies
    assert (first.status, first.headers["content-type"], body(first)) == (200, "application/json", b"first")
    assert (second.status, body(second), second.headers["x"], "y" in second.headers) == (404, b"second", "", False)
    assert first.complete
    assert second.complete
    assert rested == [link, link]
    assert not socket.closed


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_comes_ends_as_a_reply_or_as_a_failure_once_the_connection_has(head, tail):
    link, socket, _ = connected()
    reply = link.begin(b"")
    for data in (b"HTTP/1.1 " + head, tail):
        if not socket.closed:
            link.data_received(data)
    link.connection_lost(None)
    assert reply.complete is not isinstance(reply.failure, BadHttp | ConnectionLost)


@pytest.mark.parametrize("cut", range(1, len(FIRST)))
def test_a_reply_that_ends_early_is_never_complete(cut):
    link, _, _ = connected()
    reply = link.begin(b"")
    link.data_received(FIRST[:cut])
    link.connection_lost(None)
    assert not reply.complete
    assert isinstance(reply.failure, ConnectionLost)


@pytest.mark.parametrize("reason", [None, ConnectionResetError()])
def test_a_body_that_ends_with_the_connection_is_whole_only_if_that_ends_in_good_order(reason):
    link, _, _ = connected()
    reply = link.begin(b"")
    link.data_received(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    link.connection_lost(reason)
    assert reply.complete is (reason is None)
    assert (reply.failure is None) is (reason is None)


def test_a_server_that_answers_before_it_has_read_the_request_is_not_written_to_any_more(monkeypatch):
    link, socket, rested = connected()
    monkeypatch.setattr(socket, "get_write_buffer_size", lambda: 1)
    monkeypatch.setattr(socket, "close", lambda: None)  # would write the rest first
    reply = link.begin(b"")
    link.data_received(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")
    assert reply.complete
    assert socket.closed
    assert rested == []
