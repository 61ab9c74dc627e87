"""What every HTTP request of a client carries, and where it goes."""

import asyncio

import pytest

from reference_impl.client import ClientSettings, ConnectionClosed, StdioCommand
from reference_impl.client.endpoint import Endpoint
from reference_impl.transports.tunnel import Proxy

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def sent(path: str, headers: dict[str, str], settings: ClientSettings) -> list[str]:
    """Return the lines of the head that an endpoint sends."""
    heads = []

    async def handle(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = path.format(host=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    endpoint = Endpoint(url, settings)
    with await endpoint.request("GET", headers):
        pass
    await endpoint.aclose()
    server.close()
    return heads[0].decode().split("\r\n")


async def test_the_headers_of_the_protocol_win_over_those_of_the_user_whatever_their_case():
    settings = ClientSettings(headers={"X-Key": "caf\u00e9", "Accept": "text/html"})
    lines = await sent("http://{host}/mcp", {"accept": "application/json"}, settings)
    assert "x-key: caf\u00e9" in lines
    assert [line for line in lines if line.lower().startswith("accept:")] == ["accept: application/json"]
    assert "accept-encoding: identity" in lines


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://{host}", "/"),
        ("http://{host}/a/b?c=d&e=%20#f", "/a/b?c=d&e=%20"),
        ("http://{host}/caf\u00e9 x", "/caf%C3%A9%20x"),
    ],
)
async def test_the_target_is_what_the_address_says(url, target):
    lines = await sent(url, {}, ClientSettings())
    assert lines[0] == f"GET {target} HTTP/1.1"


async def test_a_user_and_a_password_in_the_address_are_a_header_and_no_part_of_it():
    lines = await sent("http://ada:p%40ss@{host}/", {}, ClientSettings())
    assert "authorization: Basic YWRhOnBAc3M=" in lines
    assert not any("ada" in line for line in lines)


async def test_no_error_tells_the_password():
    endpoint = Endpoint("http://ada:secret@127.0.0.1:1/mcp", ClientSettings(headers={"x": "a\r\nb: c"}))
    with pytest.raises(ConnectionClosed, match="line end") as caught:
        await endpoint.request("GET", {})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://a/", "http://", "a/b", "http://a:port/"])
async def test_an_address_that_is_none_is_named(url):
    with pytest.raises(ConnectionClosed):
        Endpoint(url, ClientSettings())


@pytest.mark.parametrize("answer", [b"", b"\x15\x03\x01\x00\x02\x02\x46"], ids=["silent", "an alert of TLS"])
async def test_a_server_that_never_spoke_http_may_want_tls(answer):
    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    endpoint = Endpoint(f"{url}?key=secret", ClientSettings())
    with pytest.raises(ConnectionClosed, match=r"is it an https:// address\?") as caught:
        await endpoint.request("GET", {})
    assert str(caught.value).startswith(f"{url}: ")
    await endpoint.aclose()
    server.close()


def test_what_is_printed_of_settings_holds_no_secret():
    settings = ClientSettings(headers={"authorization": "secret"}, proxy="http://ada:secret@proxy:1")
    command = StdioCommand(("server",), env={"KEY": "secret"})
    assert "secret" not in f"{settings} {command} {Proxy.of('http://ada:secret@proxy:1')}"
    assert "Basic" not in str(Proxy.of("http://:secret@proxy:1"))


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "", "x y", "x:", "\u00e9"])
async def test_headers_that_would_frame_a_body_anew_cannot_be_set(name):
    with pytest.raises(ConnectionClosed, match="cannot be set"):
        Endpoint("http://127.0.0.1:1/mcp", ClientSettings(headers={name: "1"}))
