"""The WebSocket of the client against servers of the `websockets` library, and against sockets that break its rules."""

import asyncio
import base64
import hashlib
import re
from contextlib import asynccontextmanager

import anyio
import pytest
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from reference_impl.transports.http_terms import BadHttp, ConnectFailed
from reference_impl.transports.tunnel import Proxy
from reference_impl.transports.websocket import HandshakeRefused, WebSocketLimits, open_websocket

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def listening(handler, **options):
    async with serve(handler, "127.0.0.1", 0, subprotocols=["mcp"], close_timeout=1, **options) as server:
        with anyio.fail_after(10):
            yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws"


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def test_messages_go_both_ways_as_text_frames():
    kinds = []

    async def handler(socket):
        async for message in socket:
            kinds.append(type(message))
            await socket.send(message)

    async with listening(handler) as url:
        channel = await open_websocket(url)
        for message in (b'{"a":"\xc3\xa9"}', b"x" * 300_000):
            await channel.send(message)
            assert await channel.receive() == message
        await channel.aclose()
        with pytest.raises(anyio.ClosedResourceError):
            await channel.send(b"late")
    assert kinds == [str, str]


async def test_a_message_in_fragments_is_one_message():
    async def handler(socket):
        await socket.send(iter(["{", '"a"', ":1}"]))
        await socket.wait_closed()

    async with listening(handler) as url:
        channel = await open_websocket(url)
        assert await channel.receive() == b'{"a":1}'
        await channel.aclose()


@asynccontextmanager
async def closed_by(handler, limits, **options):
    """What a server heard when the client closed the socket, and why the client says it did."""
    heard = {}

    async def told(socket):
        await handler(socket)
        await socket.wait_closed()
        heard.update(code=socket.close_code, reason=socket.close_reason)

    async with listening(told, **options) as url:
        channel = await open_websocket(url, limits=limits)
        with pytest.raises(anyio.EndOfStream):
            await channel.receive()
        await channel.aclose()
        heard["failure"] = channel.failure
        yield heard


@pytest.mark.parametrize(
    ("message", "code", "failure"),
    [
        (b"{}", 1003, "a binary frame, where messages are text"),
        ("x" * 2000, 1009, "closed on this side: 1009"),
        (["x" * 600, "x" * 600], 1009, "closed on this side: 1009"),
    ],
)
async def test_frames_that_are_no_messages_close_the_socket(message, code, failure):
    async with closed_by(lambda socket: socket.send(message), WebSocketLimits(largest_message=1000)) as heard:
        assert failure in heard["failure"]
    assert heard["code"] == code


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (1000, "", "1000, it was done"),
        (1001, "", "1001, it is going away"),
        (1008, "no", "1008, its policy forbids it, no"),
        (4000, "mine", "4000, mine"),
    ],
)
async def test_why_the_server_closed_is_told(code, reason, words):
    async def handler(socket):
        await socket.close(code, reason)

    async with listening(handler) as url:
        channel = await open_websocket(url)
        with pytest.raises(anyio.EndOfStream):
            await channel.receive()
        assert channel.failure == f"the peer closed the WebSocket: {words}"
        with pytest.raises(anyio.BrokenResourceError):
            await channel.send(b"late")
        await channel.aclose()


async def test_a_reader_that_does_not_read_makes_the_sender_wait():
    reading = anyio.Event()

    async def handler(socket):
        await reading.wait()
        async for _ in socket:
            pass

    async with listening(handler, max_queue=1) as url:
        channel = await open_websocket(url)
        sent = 0
        with anyio.move_on_after(0.5):
            while sent < 1000:
                await channel.send(b"x" * 1_000_000)
                sent += 1
        assert sent < 100
        reading.set()
        await channel.send(b"x")
        await channel.aclose()


# Handshakes -------------------------------------------------------------------------------------


async def test_headers_go_with_the_handshake_and_a_refusal_comes_back_whole():
    def refuse(connection, request):
        if request.headers.get("Authorization") == "Bearer good":
            return None
        return Response(401, "Unauthorized", Headers({"WWW-Authenticate": "Bearer", "Content-Length": "2"}), b"no")

    async with listening(echo, process_request=refuse) as url:
        with pytest.raises(HandshakeRefused) as refusal:
            await open_websocket(url)
        assert (refusal.value.status, refusal.value.body) == (401, "no")
        assert refusal.value.headers["www-authenticate"] == "Bearer"
        channel = await open_websocket(url, {"Authorization": "Bearer good"})
        await channel.aclose()


async def test_redirects_are_not_followed():
    asked = []

    def redirect(connection, request):
        asked.append(request.path)
        return Response(302, "Found", Headers({"Location": "/elsewhere", "Content-Length": "0"}), b"")

    async with listening(echo, process_request=redirect) as url:
        with pytest.raises(HandshakeRefused, match="302"):
            await open_websocket(url, {"Authorization": "Bearer secret"})
    assert asked == ["/ws"]


async def test_a_server_that_does_not_speak_mcp_is_left():
    async with serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(BadHttp, match="does not speak the sub-protocol mcp"):
            await open_websocket(f"ws://127.0.0.1:{port}")


async def test_nobody_there_is_told(free_tcp_port):
    with pytest.raises(ConnectFailed, match="connection refused: nothing listens there"):
        await open_websocket(f"ws://127.0.0.1:{free_tcp_port}/ws")


@pytest.mark.parametrize("url", ["ws://", "ws://[::1/ws", "ws://h:port/"])
async def test_what_is_no_url_is_told(url):
    with pytest.raises(ConnectFailed, match="no WebSocket URL"):
        await open_websocket(url)


# Peers that break the rules ---------------------------------------------------------------------


@asynccontextmanager
async def raw(handler, upgrade=True):
    """A server that shakes hands, then does with the socket what it likes."""

    async def serve_one(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"CONNECT server.example:80 "):  # a proxy, and the server behind it
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
        if upgrade:
            key = next(line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
            digest = hashlib.sha1(key.strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
            )
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        with anyio.fail_after(10):
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    finally:
        server.close()


def sending(data, times=1):
    async def handler(reader, writer):
        for _ in range(times):
            writer.write(data)
            await writer.drain()
        await reader.read()

    return handler


LIMITS = WebSocketLimits(largest_message=100_000, ping_interval=60, close_timeout=0.1)


@pytest.mark.parametrize(
    ("handler", "failure"),
    [
        (sending(b"GET / HTTP/1.1\r\n\r\n"), "1002"),
        (sending(b"\x81\x85abcdhello"), "1002"),  # masked, as only clients do
        (sending(b"\xf1\x01x"), "1002"),  # reserved bits
        (sending(b"\x80\x00"), "1002"),  # a continuation of nothing
        (sending(b"\x81\x02\xff\xfe"), "1007"),  # no UTF-8
        (sending(b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), "1009"),  # an endless message announced
        (sending(b"\x01\x00" + (b"\x00\x7e\x40\x00" + b"x" * 0x4000) * 20), "1009"),
        (sending(b"\x01\x00" + b"\x00\x00" * 10_000), "1009"),  # endless empty fragments
        (sending(b""), None),
    ],
)
async def test_a_peer_that_breaks_the_rules_is_left_in_time(handler, failure):
    async with raw(handler) as url:
        channel = await open_websocket(url, limits=LIMITS)
        if failure is None:
            with anyio.move_on_after(0.1):
                await channel.receive()
        else:
            with pytest.raises(anyio.EndOfStream):
                await channel.receive()
            assert re.search(f"closed on this side: ({failure})", str(channel.failure))
        await channel.aclose()


async def test_a_peer_that_answers_no_pings_is_given_up():
    async with raw(sending(b"")) as url:
        limits = WebSocketLimits(ping_interval=0.05, ping_timeout=0.05, close_timeout=0.1)
        channel = await open_websocket(url, limits=limits)
        with pytest.raises(anyio.EndOfStream):
            await channel.receive()
        assert channel.failure == "the WebSocket was closed on this side: 1011 keepalive ping timeout"
        await channel.aclose()


async def test_a_socket_leads_through_a_proxy_that_alone_can_find_the_server():
    async with raw(sending(b"\x81\x02{}")) as url:
        proxy = Proxy.of(url.replace("ws:", "http:"))
        channel = await open_websocket("ws://server.example/ws", limits=LIMITS, proxy=proxy)
        assert await channel.receive() == b"{}"
        await channel.aclose()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ConnectFailed),
        (b"SSH-2.0-OpenSSH\r\n\r\n", BadHttp),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", BadHttp),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", HandshakeRefused),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000, BadHttp),
    ],
)
async def test_what_is_no_handshake_is_refused_in_time(data, error):
    async with raw(sending(data), upgrade=False) as url:
        with pytest.raises(error):
            await open_websocket(url, limits=WebSocketLimits(open_timeout=0.3))


async def test_an_address_that_is_none_leaves_no_socket_behind_and_shows_no_secret():
    async with listening(echo) as url:
        with pytest.raises(ConnectFailed, match="is no WebSocket URL") as caught:
            await open_websocket(f"{url.replace('//', '//ada:secret@')}?secret#fragment")
    assert "secret" not in str(caught.value)


async def test_a_header_that_cannot_be_sent_is_named_and_its_value_is_not():
    with pytest.raises(ValueError, match="'authorization' holds a line end") as caught:
        await open_websocket("ws://127.0.0.1:1/", {"authorization": "Bearer secret\n"})
    assert "secret" not in str(caught.value)


async def test_a_peer_that_reads_no_more_is_left_in_time():
    left = asyncio.Event()

    async def deaf(reader, writer):
        writer.transport.pause_reading()
        await left.wait()

    async with raw(deaf) as url:
        channel = await open_websocket(url, limits=LIMITS)
        with anyio.move_on_after(0.1):
            while True:
                await channel.send(b"x" * 1_000_000)
        with anyio.fail_after(2):
            await channel.aclose()
        left.set()
