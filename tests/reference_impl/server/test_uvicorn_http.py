"""uvicorn's protocol, made lean: the same HTTP on the wire."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from reference_impl.server.uvicorn_http import LeanHttp

pytestmark = pytest.mark.anyio
PATIENCE = 10


class Application:
    """Echoes bodies at /echo; streams, fails and stalls at paths of the same name."""

    def __init__(self):
        self.left = asyncio.Event()
        self.entered = asyncio.Event()

    async def __call__(self, scope, receive, send):
        await getattr(self, scope["path"].strip("/"))(scope, receive, send)

    async def echo(self, scope, receive, send):
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event["body"], event["more_body"]
        told = b"%b %b %b" % (scope["method"].encode(), scope["query_string"], body)
        headers = [(b"content-length", b"%d" % len(told)), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    async def stream(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Thing", b"1")]})
        for piece in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def empty(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def closing(self, _scope, _receive, send):
        headers = [(b"connection", b"close"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    async def staying(self, _scope, _receive, send):
        headers = [(b"Connection", b"keep-alive"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    async def split(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nset-cookie: c")]})

    async def short(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        with pytest.raises(RuntimeError, match="Content-Length"):
            await send({"type": "http.response.body", "body": b"four"})

    async def half(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})

    async def unfinished(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def broken(self, _scope, _receive, _send):
        raise ValueError("on purpose")

    async def twice(self, scope, receive, send):
        await self.empty(scope, receive, send)
        with pytest.raises(RuntimeError, match="complete"):
            await send({"type": "http.response.body"})
        self.left.set()

    async def stalled(self, _scope, receive, send):
        await receive()
        self.entered.set()
        assert (await receive())["type"] == "http.disconnect"
        self.left.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})


@asynccontextmanager
async def serving(application, **options):
    config = uvicorn.Config(application, http=LeanHttp, log_level="critical", lifespan="off", ws="none", **options)
    config.load()
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server._serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, PATIENCE)


@pytest.fixture
async def application():
    return Application()


@pytest.fixture
async def port(application):
    async with serving(application) as port:
        yield port


async def talk(port, *pieces):
    """Send pieces and return all that comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    await writer.wait_closed()
    return answer


def post(path, body=b"", *fields, version=b"1.1", method=b"POST"):
    lines = (b"%b %b HTTP/%b" % (method, path, version), b"host: here", b"content-length: %d" % len(body), *fields)
    return b"\r\n".join((*lines, b"", body))


LAST = b"connection: close"


async def test_requests_follow_each_other_on_one_connection_and_in_one_piece(port):
    answer = await talk(port, post(b"/echo?q=1", b"a"), post(b"/echo", b"b") + post(b"/echo", b"c", LAST))
    assert [part.rpartition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [
        b"POST q=1 a",
        b"POST  b",
        b"POST  c",
    ]
    assert answer.count(b"content-type: text/plain\r\n") == 3
    assert answer.count(b"date: ") == 3
    assert answer.count(b"connection: close\r\n") == 1


async def test_a_body_may_come_in_pieces_and_in_chunks(port):
    large = b"x" * 300_000
    assert (await talk(port, post(b"/echo", large, LAST))).endswith(large)
    head = b"POST /echo HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    assert (await talk(port, head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")).endswith(b"POST  abcde")


async def test_a_client_that_waits_for_a_word_to_send_its_body_is_told_to(port):
    body = b"abc"
    head = post(b"/echo", body, b"Expect: 100-Continue", LAST).removesuffix(body)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await asyncio.wait_for(reader.read(), PATIENCE)).endswith(b"POST  abc")
    writer.close()
    await writer.wait_closed()
    assert b"100 Continue" not in await talk(port, head + body)


async def test_a_body_without_a_length_goes_in_chunks(port):
    head, _, body = (await talk(port, post(b"/stream", b"", LAST))).partition(b"\r\n\r\n")
    assert b"x-thing: 1\r\n" in head
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_responses_without_bodies_have_none(port):
    assert b"transfer-encoding" not in await talk(port, post(b"/empty", b"", LAST))
    answer = await talk(port, post(b"/echo", b"", LAST, method=b"HEAD"))
    assert b"content-length: 6\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", [b"/split", b"/short", b"/broken", b"/unfinished"])
async def test_what_would_not_be_one_response_is_not_sent(port, path):
    answer = await talk(port, post(path))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in answer


async def test_a_response_that_breaks_off_ends_its_connection(port):
    answer = await talk(port, post(b"/half"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"3\r\none\r\n")


async def test_what_is_no_http_is_refused(port):
    assert (await talk(port, b"no HTTP at all\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_nothing_follows_a_complete_response(application, port):
    await talk(port, post(b"/twice", b"", LAST))
    await asyncio.wait_for(application.left.wait(), PATIENCE)


async def test_connections_close_when_the_response_says_so_and_after_http_1_0(port):
    assert b"connection: close" in await talk(port, post(b"/closing"))
    assert b"connection: close" in await talk(port, post(b"/echo", b"x", version=b"1.0"))


async def test_an_application_hears_that_its_client_has_left(application, port):
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(b"/stalled", b"x"))
    await asyncio.wait_for(application.entered.wait(), PATIENCE)
    writer.close()
    await asyncio.wait_for(application.left.wait(), PATIENCE)


async def test_an_idle_connection_is_closed_after_its_time_and_not_before():
    async with serving(Application(), timeout_keep_alive=1) as port:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"/echo", b"1"))
        await reader.readuntil(b"POST  1")
        writer.write(post(b"/echo", b"2"))
        await reader.readuntil(b"POST  2")
        last = loop.time()
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        assert loop.time() - last > 0.9
        writer.close()


async def test_an_application_hears_of_it_even_if_its_client_had_sent_another_request_behind(application, port):
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(b"/stalled", b"x") + post(b"/echo", b"y"))
    await asyncio.wait_for(application.entered.wait(), PATIENCE)
    writer.close()
    await asyncio.wait_for(application.left.wait(), PATIENCE)


async def test_empty_lines_keep_no_connection_open():
    async with serving(Application(), timeout_keep_alive=0.2) as port:
        answer = await talk(port, post(b"/echo", b"1") + b"\r\n")
        assert answer.endswith(b"POST  1")


async def test_http_1_0_gets_no_chunks(port):
    head, _, body = (await talk(port, post(b"/stream", version=b"1.0"))).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body == b"onetwo"


async def test_a_response_may_say_that_its_connection_stays(port):
    answer = await talk(port, post(b"/staying"), post(b"/echo", b"", LAST))
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_what_came_is_told_once():
    class Twice(Application):
        async def echo(self, scope, receive, send):
            first = await receive()
            self.entered.set()
            second = await receive()
            third = asyncio.create_task(receive())
            await asyncio.sleep(0)
            self.told = first["body"], second["body"], third.done()
            third.cancel()
            await self.empty(scope, receive, send)

    application = Twice()
    async with serving(application) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"/echo", b"ab", LAST)[:-1])
        await asyncio.wait_for(application.entered.wait(), PATIENCE)
        writer.write(b"b")
        await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
    assert application.told == (b"a", b"b", False)
