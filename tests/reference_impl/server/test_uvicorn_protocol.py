"""Connections to the server under uvicorn that are slow, endless or broken."""

import asyncio
import re
from contextlib import asynccontextmanager, suppress

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.server import AdvancedMCPServer, uvicorn_protocol
from reference_impl.server.asgi import HttpOptions, MCPApplication
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
DISCOVER = encode_json({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": META}})


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def served(**options):
    """A server under uvicorn; yields its port and its application."""
    server = AdvancedMCPServer("s")

    @server.tool("large")
    async def large(size: int) -> str:
        return "x" * size

    application = MCPApplication(server, options=HttpOptions(websocket=True, **options))
    async with serving(application) as at:
        yield at.port, application


@asynccontextmanager
async def talking(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ended(reader):
    """Return what came until the server closed the connection."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(uvicorn_protocol, "PATIENCE", 0.2)


# HTTP -------------------------------------------------------------------------------------------


async def test_an_endless_head_is_refused():
    async with served() as (port, _), talking(port) as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ")
        try:
            for _ in range(1000):
                writer.write(b"x" * 10_000)
                await writer.drain()
        except ConnectionError:
            pass
        answer = await ended(reader)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


async def test_a_large_head_in_two_pieces_is_refused_with_a_word():
    async with served() as (port, _), talking(port) as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ")
        await asyncio.sleep(0.05)
        writer.write(b"x" * 70_000)
        assert (await ended(reader)).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("piece", [b"", b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n"])
async def test_a_head_that_does_not_come_is_given_up(piece):
    async with served() as (port, _), talking(port) as (reader, writer):
        writer.write(piece)
        assert (await ended(reader)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


@pytest.mark.usefixtures("hurry")
async def test_a_body_that_stops_is_given_up():
    async with served() as (port, _), talking(port) as (reader, writer):
        writer.write(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{")
        assert await ended(reader) == b""


@pytest.mark.usefixtures("hurry")
async def test_what_comes_in_pieces_but_comes_is_served():
    head = b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nmcp-method: server/discover\r\n"
    head += b"mcp-protocol-version: 2026-07-28\r\ncontent-length: %d\r\n\r\n" % len(DISCOVER)
    async with served() as (port, _), talking(port) as (reader, writer):
        for _ in range(2):
            for piece in (head[:30], head[30:], DISCOVER[:20], DISCOVER[20:]):
                writer.write(piece)
                await asyncio.sleep(0.05)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(int(re.search(rb"content-length: (\d+)", answer)[1]))
        await asyncio.sleep(0.3)
        writer.write(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")  # a rest between requests is no delay
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_pipeline_that_begins_in_a_large_piece_is_served():
    body = encode_json({"jsonrpc": "2.0", "method": "x", "params": {"x": "x" * 200_000}})
    head = b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nmcp-protocol-version: 2026-07-28\r\n"
    async with served() as (port, _), talking(port) as (reader, writer):
        writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body + b"GET /health HTTP/1.1\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202 ")
        writer.write(b"host: 127.0.0.1\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


# WebSocket --------------------------------------------------------------------------------------


def opened(port, **options):
    return connect(f"ws://127.0.0.1:{port}/ws", subprotocols=["mcp"], compression=None, **options)


async def discovers(socket):
    await socket.send(DISCOVER, text=True)
    return decode_json(await socket.recv())["result"]["resultType"]


async def test_the_clients_of_the_library_are_served_in_fragments_too():
    async with served() as (port, _), opened(port) as client:
        assert await discovers(client) == "complete"
        await client.send([DISCOVER[:10].decode(), DISCOVER[10:].decode()])
        assert decode_json(await client.recv())["id"] == 1


async def test_a_connection_that_has_served_requests_may_become_a_websocket():
    def in_reserve():
        return [task for task in asyncio.all_tasks() if task.get_coro().__name__ == "_carry"]

    async with served() as (port, _), talking(port) as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        await reader.readuntil(b"}")
        assert len(in_reserve()) == 1
        writer.write(b"GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n")
        writer.write(b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        writer.write(b"sec-websocket-protocol: mcp\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert not in_reserve()


async def test_compression_is_not_agreed_on():
    async with served() as (port, _), connect(f"ws://127.0.0.1:{port}/ws", subprotocols=["mcp"]) as client:
        assert client.protocol.extensions == []
        assert await discovers(client) == "complete"


@pytest.mark.parametrize(
    ("message", "code"),
    [(b"{}", 1003), ("x" * 3000, 1009), (["x" * 600, "x" * 600], 1009), ([""] * 5000, 1009)],
)
async def test_frames_that_are_no_messages_close_the_socket(message, code):
    async with served(largest_body=1000) as (port, _), opened(port) as client:
        with suppress(ConnectionClosed):
            await client.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),  # unmasked
        (b"\xf1\x80abcd", 1002),  # reserved bits
        (b"\x80\x80abcd", 1002),  # a continuation of nothing
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd", 1009),
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
    ],
)
async def test_a_client_that_breaks_the_rules_is_told_and_left(data, code):
    async with served() as (port, application), opened(port) as client:
        client.transport.write(data)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == code
        while application._counts()["channels"]:  # noqa: ASYNC110 - the end of a task that no test can see
            await asyncio.sleep(0.01)


async def test_a_client_that_answers_no_pings_is_given_up():
    async with served(ping_interval=0.05, ping_timeout=0.05) as (port, _), opened(port) as client:
        client.protocol.recv_frame = lambda _: None  # deaf to all frames, pings among them
        await asyncio.wait_for(client.wait_closed(), 5)


async def test_a_client_that_answers_pings_stays():
    async with served(ping_interval=0.05, ping_timeout=0.2) as (port, _), opened(port) as client:
        await asyncio.sleep(0.5)
        assert await discovers(client) == "complete"


async def test_other_subprotocols_paths_and_origins_are_refused_with_a_word():
    async with served() as (port, _):
        url = f"ws://127.0.0.1:{port}"
        for path, more, status in [
            ("/ws", {"subprotocols": ["x"]}, 400),
            ("/other", {"subprotocols": ["mcp"]}, 404),
            ("/ws", {"subprotocols": ["mcp"], "origin": "http://evil.example"}, 403),
        ]:
            with pytest.raises(InvalidStatus) as refusal:
                await connect(url + path, **more)
            assert refusal.value.response.status_code == status
            assert b"jsonrpc" in refusal.value.response.body


async def test_a_client_that_does_not_read_is_not_read_from_and_others_are_served():
    call = {"name": "large", "arguments": {"size": 200_000}, "_meta": META}
    async with served() as (port, _), opened(port) as slow, opened(port) as quick:
        slow.transport.pause_reading()
        held = False
        for number in range(50_000):
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call, "x": "x" * 10_000}
            with anyio.move_on_after(0.3) as patience:
                await slow.send(encode_json(message), text=True)
            if held := patience.cancelled_caught:
                break
        assert held
        assert await discovers(quick) == "complete"
        slow.transport.abort()
