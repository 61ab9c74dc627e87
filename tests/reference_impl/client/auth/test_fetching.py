"""Fetches from strangers over real sockets."""

from contextlib import asynccontextmanager, suppress

import anyio
import anyio.abc
import pytest

from reference_impl.client.auth import fetching
from reference_impl.client.auth.fetching import Fetcher, is_private
from reference_impl.client.errors import AuthorizationFailed

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def answering(answer: bytes):
    """Serve the same bytes to every request; yield the URL and what was received."""
    received: list[bytes] = []

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            head = b""
            with suppress(anyio.EndOfStream):
                head = await stream.receive()
            if not head:
                return
            while b"\r\n\r\n" not in head:
                head += await stream.receive()
            received.append(head)
            await stream.send(answer)
            if not answer:
                await anyio.sleep_forever()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}/x?y=z", received
        tasks.cancel_scope.cancel()


def response(body: bytes, status: str = "200 OK", head: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body


async def test_a_document_comes_with_its_status_and_headers():
    async with answering(response(b"{}", "201 Created", "X-Y: z\r\n")) as (url, received):
        found = await Fetcher(private=True).get(url, {"a": "b"})
    assert (found.status, found.headers["x-y"], found.body) == (201, "z", b"{}")
    assert received[0].startswith(b"GET /x?y=z HTTP/1.1\r\n")
    assert b"\r\na: b\r\n" in received[0]


async def test_forms_and_values_are_encoded():
    async with answering(response(b"{}")) as (url, received):
        await Fetcher(private=True).post_form(url, {"a": "b c&d"}, {})
        await Fetcher(private=True).post_json(url, {"a": 1})
    assert received[0].endswith(b"a=b+c%26d")
    assert received[1].endswith(b'{"a":1}')


async def test_a_redirect_is_not_followed():
    async with answering(response(b"", "302 Found", "location: https://evil.example/\r\n")) as (url, received):
        assert (await Fetcher(private=True).get(url, {})).status == 302
    assert len(received) == 1


async def test_too_long_a_document_is_refused(monkeypatch):
    monkeypatch.setattr(fetching, "_BODY_LIMIT", 10)
    async with answering(response(b"x" * 11)) as (url, _):
        with pytest.raises(AuthorizationFailed, match="longer than 10 bytes"):
            await Fetcher(private=True).get(url, {})


async def test_silence_ends_in_bounded_time(monkeypatch):
    monkeypatch.setattr(fetching, "_DEADLINE", 0.05)
    async with answering(b"") as (url, _):
        with pytest.raises(AuthorizationFailed, match="no answer within"):
            await Fetcher(private=True).get(url, {})


async def test_nobody_there_is_said_so():
    async with answering(b"") as (url, _):
        pass
    with pytest.raises(AuthorizationFailed, match="connection refused"):
        await Fetcher(private=True).get(url, {})


async def test_a_public_server_sends_nobody_into_a_private_network():
    async with answering(response(b"{}")) as (url, received):
        with pytest.raises(AuthorizationFailed, match="must not be connected to"):
            await Fetcher(private=False).get(url, {})
        with pytest.raises(AuthorizationFailed, match="must not be connected to"):
            await Fetcher(private=False).post_form(url.replace("127.0.0.1", "localhost"), {"secret": "x"}, {})
    assert received == []


@pytest.mark.parametrize("url", ["http://a.example/", "ftp://127.0.0.1/", "file:///etc/passwd"])
async def test_an_address_without_tls_is_not_even_looked_up(url):
    with pytest.raises(AuthorizationFailed, match=r"HTTPS|no valid URL"):
        await Fetcher(private=True).get(url, {})


async def test_a_host_is_private_by_its_addresses():
    assert await is_private("localhost")
    assert await is_private("10.1.2.3")
    assert not await is_private("8.8.8.8")
    assert not await is_private("nowhere.invalid")


async def test_a_host_with_one_public_address_is_public(monkeypatch):
    async def look_up(*_, **__):
        return [(2, 1, 6, "", (address, 0)) for address in ("127.0.0.1", "8.8.8.8")]

    monkeypatch.setattr(fetching.anyio, "getaddrinfo", look_up)
    assert not await is_private("evil.example")
