"""Exchanges over HTTP/1.1 with every byte in view, against servers that are a few lines each."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.streams.tls
import pytest
import trustme
from anyio.abc import SocketStream

from reference_impl.transports.http import BadHttp, ConnectFailed, ConnectionLost, HttpPool, Origin

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Handler = Callable[[SocketStream], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(handler: Handler, ssl_context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def guarded(stream):
        async with stream:
            try:
                await handler(stream)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    if ssl_context is not None:
        listener = anyio.streams.tls.TLSListener(listener, ssl_context, standard_compatible=False)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, guarded)
        yield port
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def talking(handler: Handler) -> AsyncIterator[HttpPool]:
    async with serving(handler) as port:
        pool = HttpPool(Origin("http", "127.0.0.1", port))
        yield pool
        await pool.aclose()


async def read_request(stream) -> bytes:
    """One request, whose body is as long as its Content-Length says."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive()
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Handler:
    async def handler(stream):
        for answer in answers:
            request = await read_request(stream)
            if seen is not None:
                seen.append(request)
            await stream.send(answer)
        await stream.receive()

    return handler


async def test_the_request_goes_out_as_it_was_given():
    seen: list[bytes] = []
    async with talking(answering(OK, seen=seen)) as pool:
        headers = [("X-First", "1"), ("hOST", "elsewhere"), ("X-First", "2")]
        async with pool.exchange("POST", "/mcp?a=b", headers, b"{}") as response:
            assert response.status == 200
            assert await response.read() == b"ok"
        assert response.raw_request == seen[0]
        assert seen[0] == (
            b"POST /mcp?a=b HTTP/1.1\r\nX-First: 1\r\nhOST: elsewhere\r\nX-First: 2\r\nContent-Length: 2\r\n\r\n{}"
        )


async def test_an_exact_request_gets_nothing_added():
    seen: list[bytes] = []
    async with (
        talking(answering(OK, seen=seen)) as pool,
        pool.exchange("GET", "/", [("Accept", "x")], exact=True) as response,
    ):
        await response.read()
    assert seen == [b"GET / HTTP/1.1\r\nAccept: x\r\n\r\n"]


async def test_the_head_comes_back_in_bytes_and_in_order():
    head = b"HTTP/1.1 404 Nowhere\r\nB: 1\r\na:  2 \r\nb: 3\r\ncontent-length: 0\r\n\r\n"
    async with talking(answering(head)) as pool, pool.exchange("GET", "/", []) as response:
        assert response.raw_head == head
        assert response.headers == [("b", "1"), ("a", "2"), ("b", "3"), ("content-length", "0")]
        assert response.header("b") == "1, 3"
        assert response.header("c") is None


async def test_an_interim_response_is_passed_over():
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    async with talking(answering(hints + OK)) as pool, pool.exchange("GET", "/", []) as response:
        assert (response.status, await response.read()) == (200, b"ok")


async def test_a_connection_is_used_again_when_its_answer_was_read():
    async with talking(answering(OK, OK)) as pool:
        for reused in (False, True):
            async with pool.exchange("POST", "/", [], b"1") as response:
                await response.read()
            assert response.reused is reused
        assert pool.opened == 1


async def test_an_empty_body_need_not_be_read_for_the_connection_to_be_used_again():
    accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    async with talking(answering(accepted, accepted)) as pool:
        for _ in range(2):
            async with pool.exchange("POST", "/", [], b"1"):
                pass
        assert pool.opened == 1


async def test_leaving_in_the_middle_of_a_body_closes_the_connection():
    closed = anyio.Event()

    async def endless(stream):
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        closed.set()

    async with talking(endless) as pool:
        async with pool.exchange("GET", "/", []) as response:
            assert await anext(aiter(response)) == b"one"
        with anyio.fail_after(2):
            await closed.wait()


async def test_pieces_of_a_body_arrive_as_they_are_sent():
    proceed = anyio.Event()

    async def handler(stream):
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await proceed.wait()
        await stream.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with talking(handler) as pool, pool.exchange("GET", "/", []) as response:
        pieces = []
        async for piece in response:
            pieces.append(piece)
            proceed.set()
    assert pieces == [b"one", b"two"]


async def test_a_stale_idle_connection_is_replaced_once():
    connections = 0

    async def once_each(stream):
        nonlocal connections
        connections += 1
        await read_request(stream)
        await stream.send(OK)
        if connections == 1:  # stays open until the second request comes, and then leaves without a word
            await stream.receive()

    async with talking(once_each) as pool:
        for _ in range(2):
            async with pool.exchange("POST", "/", [], b"1") as response:
                assert await response.read() == b"ok"
    assert connections == 2


async def test_a_fresh_connection_that_ends_without_an_answer_is_an_error():
    async def rude(stream):
        await read_request(stream)

    async with talking(rude) as pool:
        with pytest.raises(ConnectionLost) as caught:
            async with pool.exchange("GET", "/", []):
                pass
    assert not caught.value.received


async def test_a_body_that_is_cut_short_is_an_error():
    async def cut(stream):
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    async with talking(cut) as pool, pool.exchange("GET", "/", []) as response:
        with pytest.raises(ConnectionLost) as caught:
            await response.read()
    assert caught.value.received


@pytest.mark.parametrize(
    "answer",
    [b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, b"HTTP/1.1 200 OK\r\nContent-Length: z\r\n\r\n"],
    ids=["no http", "endless head", "bad length"],
)
async def test_what_is_no_http_is_named_so(answer):
    async with talking(answering(answer)) as pool:
        with pytest.raises(BadHttp):
            async with pool.exchange("GET", "/", []):
                pass


async def test_a_body_over_the_limit_is_refused():
    async with talking(answering(OK)) as pool, pool.exchange("GET", "/", []) as response:
        with pytest.raises(BadHttp, match="longer than 1 bytes"):
            await response.read(limit=1)


async def test_a_line_end_in_a_header_is_refused():
    pool = HttpPool(Origin("http", "127.0.0.1", 1))
    with pytest.raises(ValueError, match="line end"):
        async with pool.exchange("GET", "/", [("X", "1\r\nY: 2")]):
            pass


async def test_nobody_listening_is_a_failed_connection():
    async with serving(answering()) as port:
        pass
    with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}: connection refused: nothing listens there"):
        async with HttpPool(Origin("http", "127.0.0.1", port)).exchange("GET", "/", []):
            pass


async def test_tls_to_a_server_without_it_says_so():
    async def refuse(stream):
        await stream.receive()
        await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(refuse) as port:
        with pytest.raises(ConnectFailed, match="no TLS is spoken there"):
            async with HttpPool(Origin("https", "127.0.0.1", port)).exchange("GET", "/", []):
                pass


async def test_https_verifies_the_certificate_unless_told_otherwise():
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async with serving(answering(OK), server) as port:
        origin = Origin.of(f"https://localhost:{port}/mcp")
        pool = HttpPool(origin, trusting)
        async with pool.exchange("GET", "/", []) as response:
            assert await response.read() == b"ok"
        await pool.aclose()


async def test_a_certificate_of_an_unknown_authority_is_refused():
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)

    async with serving(answering(OK), server) as port:
        with pytest.raises(ConnectFailed, match=r"certificate verify failed: .*SSL_CERT_FILE"):
            async with HttpPool(Origin("https", "localhost", port)).exchange("GET", "/", []):
                pass


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://example.org/mcp", "example.org"),
        ("http://example.org:443/", "example.org:443"),
        ("https://[::1]/", "[::1]"),
        ("https://[::1]:8443/", "[::1]:8443"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_is_unusual(url, authority):
    assert Origin.of(url).authority == authority


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "x"])
def test_other_urls_are_refused(url):
    with pytest.raises(ValueError, match="no http or https URL"):
        Origin.of(url)
