"""Connections that lead through a proxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_terms import ConnectFailed, Origin
from reference_impl.transports.tunnel import Proxy

pytestmark = pytest.mark.anyio
SERVER = Origin("http", "server.invalid", 8080)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def proxying(answer: bytes, user: str = "") -> AsyncIterator[tuple[Proxy, list[bytes]]]:
    """A proxy that gives this answer, and is the server behind itself."""
    heads: list[bytes] = []

    async def handle(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if b" 200 " in answer:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield Proxy.of(f"http://{user}127.0.0.1:{server.sockets[0].getsockname()[1]}"), heads
    server.close()


async def ask(proxy: Proxy) -> int:
    client = HttpClient(SERVER, proxy=proxy)
    try:
        with await client.request(request_head("GET", "/", {})) as reply:
            return reply.status
    finally:
        await client.aclose()


async def test_a_request_reaches_the_server_that_only_the_proxy_can_find():
    async with proxying(b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n") as (proxy, heads):
        assert await ask(proxy) == 204
    first, second = heads
    assert first == b"CONNECT server.invalid:8080 HTTP/1.1\r\nhost: server.invalid:8080\r\n\r\n"
    assert second == b"GET / HTTP/1.1\r\n\r\n"


async def test_credentials_go_to_the_proxy_and_no_further():
    async with proxying(b"HTTP/1.1 200 OK\r\n\r\n", "ada:p%40ss@") as (proxy, heads):
        await ask(proxy)
    assert [b"proxy-authorization: Basic YWRhOnBAc3M=\r\n" in head for head in heads] == [True, False]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        (b"HTTP/1.1 2", "no answer"),
        (b"x" * 20_000, "no answer"),
        (b"SSH-2.0\r\n\r\n", "refused"),
        (b"HTTP/1.0 201 Fine\r\n\r\nand more", "refused"),
    ],
    ids=["refused", "cut short", "endless", "no HTTP", "more than asked for"],
)
async def test_a_proxy_that_opens_no_way_is_named(answer, reason):
    async with proxying(answer) as (proxy, _):
        with pytest.raises(ConnectFailed, match=reason):
            await ask(proxy)


@pytest.mark.parametrize("url", ["https://proxy.example", "socks5://proxy.example", "proxy:3128"])
def test_other_proxies_are_refused(url):
    with pytest.raises(ValueError, match="proxy"):
        Proxy.of(url)
