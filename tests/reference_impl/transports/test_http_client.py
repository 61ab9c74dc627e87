"""Kept connections, against servers that write the bytes they are told to."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from reference_impl.transports import http_client, http_link
from reference_impl.transports.channel import HIGH_WATER
from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import BadHttp, ConnectFailed, ConnectionLost, Origin

pytestmark = pytest.mark.anyio

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Server:
    """Answers each connection's requests with the pieces of its script, one piece list a request."""

    def __init__(self, *script: bytes, then: Serve | None = None) -> None:
        self.script = script
        self.then = then
        self.connections = 0
        self.requests: list[bytes] = []
        self.origin = Origin("http", "127.0.0.1", 0)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for answer in self.script:
                self.requests.append(await read_request(reader))
                writer.write(answer)
                await writer.drain()
            if self.then is not None:
                await self.then(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
    return head + await reader.readexactly(length)


@asynccontextmanager
async def talking(server: Server) -> AsyncIterator[HttpClient]:
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.origin = Origin("http", "127.0.0.1", listening.sockets[0].getsockname()[1])
    client = HttpClient(server.origin)
    try:
        with anyio.fail_after(5):
            yield client
    finally:
        await client.aclose()
        listening.close()


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def ask(client: HttpClient, body: bytes | None = b"{}", *, replayable: bool = False) -> HttpReply:
    head = request_head("POST", "/mcp", {"host": client.origin.authority})
    return await client.request(head, body, replayable=replayable)


# Replies ----------------------------------------------------------------------------------------


async def test_a_request_goes_out_as_one_piece_and_its_reply_comes_back():
    server = Server(b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\na: \t2 \r\n\r\nhello", then=hang)
    async with talking(server) as client:
        with await ask(client, b"body") as reply:
            assert (reply.status, reply.headers) == (200, {"a": "1, 2", "content-length": "5"})
            assert await reply.read(5) == b"hello"
    head = f"POST /mcp HTTP/1.1\r\nhost: {server.origin.authority}\r\ncontent-length: 4\r\n\r\n"
    assert server.requests == [head.encode() + b"body"]


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\no\xff\r\n1;x=y\r\nk\r\n0\r\ntrailer: x\r\n\r\n",
        INTERIM + b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\no\xffk",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\no\xffk",
        b"HTTP/1.0 200 OK\r\n\r\no\xffk",
    ],
    ids=["chunks", "interim replies", "until the end", "HTTP/1.0"],
)
async def test_a_body_is_framed_in_any_way(reply):
    async with talking(Server(reply)) as client:
        with await ask(client) as got:
            assert got.status == 200
            assert await got.read(3) == b"o\xffk"
            assert await got.chunk() is None
            assert "trailer" not in got.headers
            assert "link" not in got.headers


async def test_a_body_comes_while_it_is_written():
    async def slowly(_, writer):
        for piece in (b"one", b"two"):
            writer.write(piece)
            await writer.drain()
            await turn.wait()

    turn = asyncio.Event()
    async with talking(Server(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n", then=slowly)) as client:
        with await ask(client) as reply:
            assert await reply.chunk() == b"one"
            turn.set()
            assert await reply.chunk() == b"two"
            assert await reply.chunk() is None


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (b"", ConnectionLost),
        (b"HTTP/1.1 200 OK\r\n", ConnectionLost),
        (b"SSH-2.0-OpenSSH\r\n", BadHttp),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", BadHttp),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * http_link.HEAD_LIMIT + b"\r\n\r\n", BadHttp),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * http_link.HEAD_LIMIT, BadHttp),
    ],
    ids=["nothing", "half a head", "no HTTP", "an upgrade", "a long header", "many headers"],
)
async def test_what_is_no_reply_is_named(reply, failure):
    async with talking(Server(reply)) as client:
        with pytest.raises(failure):
            await ask(client)


@pytest.mark.parametrize(
    "body",
    [b"content-length: 5\r\n\r\nhel", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ids=["length", "chunks"],
)
async def test_a_body_that_is_cut_short_is_no_whole_one(body):
    async with talking(Server(b"HTTP/1.1 200 OK\r\n" + body)) as client:
        with await ask(client) as reply, pytest.raises(ConnectionLost, match="before the end"):
            await reply.read(5)


async def test_a_body_over_the_limit_is_refused():
    async with talking(Server(OK)) as client:
        with await ask(client) as reply, pytest.raises(BadHttp, match="longer than 1 bytes"):
            await reply.read(1)


async def test_what_nobody_reads_makes_the_server_wait():
    sent = 0

    async def flood(_, writer):
        nonlocal sent
        while True:
            writer.write(bytes(HIGH_WATER))
            await writer.drain()
            sent += 1

    server = Server(b"HTTP/1.1 200 OK\r\n\r\n", then=flood)
    async with talking(server) as client:
        with await ask(client) as reply:
            before = -1
            while sent > before:  # until the sockets are full and the server stands still
                before = sent
                for _ in range(200):
                    await anyio.lowlevel.checkpoint()
            assert len(await reply.chunk() or b"") < 4 * HIGH_WATER
            while sent == before:  # it goes on
                assert await reply.chunk()


# Connections ------------------------------------------------------------------------------------


async def test_a_connection_serves_again():
    server = Server(OK, OK, OK, then=hang)
    async with talking(server) as client:
        for _ in range(3):
            with await ask(client) as reply:
                assert await reply.read(2) == b"ok"
    assert server.connections == 1


async def test_requests_at_the_same_time_have_a_connection_each():
    async with talking(server := Server(OK, then=hang)) as client, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask, client)
    assert server.connections == 5


async def test_a_connection_that_rested_too_long_is_not_used_again(monkeypatch):
    monkeypatch.setattr(http_client, "_IDLE_SECONDS", 0.0)
    async with talking(server := Server(OK, OK, then=hang)) as client:
        await ask(client)
        await ask(client)
    assert server.connections == 2


async def test_connections_that_a_burst_has_left_behind_are_closed_in_time(monkeypatch):
    monkeypatch.setattr(http_client, "_IDLE_SECONDS", 0.01)
    async with talking(server := Server(OK, then=hang)) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask, client)
        while client._open:
            await anyio.lowlevel.checkpoint()
    assert server.connections == 5


async def test_a_server_that_closes_is_connected_to_again():
    async with talking(
        server := Server(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    ) as client:
        await ask(client)
        await ask(client)
    assert server.connections == 2


@pytest.mark.parametrize("replayable", [True, False])
async def test_only_what_may_be_sent_twice_is_sent_again_where_a_kept_connection_fails(replayable):
    asked = 0

    async def leave(reader, _):
        nonlocal asked
        await read_request(reader)
        asked += 1

    async with talking(server := Server(OK, then=leave)) as client:
        await ask(client)
        if replayable:
            assert (await ask(client, replayable=True)).status == 200
            assert server.connections == 2
        else:
            with pytest.raises(ConnectionLost):
                await ask(client)
            assert server.connections == 1
    assert asked == 1


async def test_the_end_of_a_body_that_nobody_wants_keeps_the_connection():
    ending = asyncio.Event()

    async def end(reader, writer):
        await ending.wait()
        writer.write(b"0\r\n\r\n")
        await read_request(reader)
        writer.write(OK)
        await hang(reader, writer)

    async with talking(server := Server(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", then=end)) as client:
        with await ask(client) as reply:
            pass
        ending.set()
        while not reply.complete:
            await anyio.lowlevel.checkpoint()
        await ask(client)
    assert server.connections == 1


async def test_a_body_that_nobody_wants_and_that_does_not_end_costs_the_connection(monkeypatch):
    monkeypatch.setattr(http_link, "_LINGER", 0.01)
    gone = asyncio.Event()

    async def wait(reader, _):
        await reader.read()
        gone.set()

    async with talking(Server(b"HTTP/1.1 200 OK\r\n\r\n", then=wait)) as client:
        with await ask(client):
            pass
        await gone.wait()


async def test_giving_up_closes_the_connection_at_once():
    gone, asked = asyncio.Event(), asyncio.Event()

    async def wait(reader, _):
        await read_request(reader)
        asked.set()
        await reader.read()
        gone.set()

    async with talking(Server(then=wait)) as client:
        task = asyncio.create_task(ask(client))
        await asked.wait()
        task.cancel()
        await gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("together", [True, False])
async def test_words_that_nobody_asked_for_end_the_connection(together):
    asked, gone = asyncio.Event(), asyncio.Event()

    async def speak(reader, writer):
        await asked.wait()
        writer.write(OK)
        await reader.read()
        gone.set()

    async with talking(server := Server(OK + b"HTTP" if together else OK, then=speak)) as client:
        await ask(client)
        asked.set()
        await gone.wait()
        await ask(client)
    assert server.connections == 2


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "connecting"])
async def test_closing_ends_what_is_under_way_and_leaves_nothing_open(connected):
    asked = asyncio.Event()

    async def wait(reader, _):
        await read_request(reader)
        asked.set()
        await reader.read()

    async with talking(Server(then=wait)) as client:
        task = asyncio.create_task(ask(client))
        await (asked.wait() if connected else anyio.lowlevel.checkpoint())
        await client.aclose()
        with pytest.raises(ConnectionLost):
            await task
    gc.collect()  # a socket that were still open would warn, and a warning fails


async def test_a_port_where_nobody_listens_is_named():
    async with talking(Server()) as client:
        pass
    with pytest.raises(ConnectFailed, match="nothing listens there"):
        await ask(HttpClient(client.origin))


async def test_a_name_that_does_not_exist_is_named():
    with pytest.raises(ConnectFailed, match=r"no\.such\.name\.invalid"):
        await ask(HttpClient(Origin("http", "no.such.name.invalid", 80)))


@pytest.mark.parametrize("bad", ["a\r\nb: c", "a\nb", "\0"])
def test_a_header_cannot_begin_another(bad):
    with pytest.raises(ValueError, match="line end"):
        request_head("GET", "/", {"x": bad})


async def test_a_server_that_speaks_no_tls_is_named(monkeypatch):
    monkeypatch.setattr(http_client, "CONNECT_TIMEOUT", 0.05)
    server = Server(OK)  # it waits for the end of a head
    async with talking(server):
        client = HttpClient(Origin("https", "127.0.0.1", server.origin.port))
        with pytest.raises(ConnectFailed, match=r"no handshake of TLS \(is it an http:// address\?\) within"):
            await client.request(request_head("GET", "/", {}))
        await client.aclose()


async def test_who_has_closed_connects_no_more():
    server = Server(OK)
    async with talking(server) as client:
        await client.aclose()
        with pytest.raises(ConnectionLost, match="closed on this side"):
            await ask(client)
    assert server.connections == 0
