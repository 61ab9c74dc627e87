"""Our protocol beside uvicorn's own: the same bytes get the same responses."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from reference_impl.server.uvicorn_http import LeanHttp
from tests.reference_impl.server.test_uvicorn_http import LAST, PATIENCE, Application, post, talk

pytestmark = pytest.mark.anyio
UPGRADE = (b"Connection: Upgrade, close", b"Upgrade: h2c")
CHUNKED = b"POST /echo HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
LARGE = b"x" * 1_000_000

CONVERSATIONS = {
    "one request": [post(b"/echo?q=%20", b"a", LAST)],
    "pipelining": [post(b"/stream") + post(b"/echo", b"b") + post(b"/empty") + post(b"/echo", b"", LAST)],
    "HEAD": [post(b"/echo", b"", method=b"HEAD") + post(b"/stream", b"", LAST, method=b"HEAD")],
    "HTTP/1.0": [post(b"/echo", b"a", version=b"1.0")],
    "HTTP/1.0 that wants to stay": [post(b"/echo", b"a", b"connection: keep-alive", version=b"1.0")],
    "a request for the end": [post(b"/empty", b"", LAST) + post(b"/echo", b"never answered")],
    "the last of several tokens": [post(b"/echo", b"", b"connection: te, close")],
    "a response that closes": [post(b"/closing")],
    "chunks": [CHUNKED, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"],
    "broken chunks": [CHUNKED + b"zz\r\nabc\r\n"],
    "a large body": [post(b"/echo", LARGE, LAST)],
    "a body after the response": [post(b"/empty", LARGE) + post(b"/echo", b"next", LAST)],
    "expectation that needs no word": [post(b"/empty", b"a", b"expect: 100-continue", LAST)],
    "an upgrade to what is not spoken": [post(b"/empty", b"", *UPGRADE)],
    "a path with escapes": [post(b"/%65cho", b"a", LAST)],
    "an absolute target": [post(b"http://there:1/echo?q", b"a", LAST)],
    "a target without a path": [post(b"there:1", b"", LAST)],
    "no HTTP": [b"hello\r\n\r\n"],
    "two lengths": [post(b"/echo", b"a", b"content-length: 2")],
    "length and chunks": [post(b"/echo", b"a", b"transfer-encoding: chunked")],
    "an empty line before": [b"\r\n" + post(b"/echo", b"a", LAST)],
}


@asynccontextmanager
async def speaking(protocol, application):
    """A protocol without the rest of uvicorn, whose start and end take their time; yields its port."""
    config = uvicorn.Config(application, log_level="critical", ws="none")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.wait_for(asyncio.gather(*state.tasks), PATIENCE)


def compared(answer):
    """Return responses with the fields of their heads in order, without what versions of uvicorn do not agree on."""
    parts = answer.split(b"\r\n\r\n")
    return [sorted(line for line in part.split(b"\r\n") if line != b"connection: close") for part in parts]


@pytest.mark.parametrize("pieces", CONVERSATIONS.values(), ids=CONVERSATIONS)
async def test_the_same_conversation_goes_the_same_way(pieces):
    answers = []
    for http in (LeanHttp, HttpToolsProtocol):
        async with speaking(http, Application()) as port:
            answers.append(compared(await talk(port, *pieces)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("fields", [(LAST,), UPGRADE], ids=["plain", "with an upgrade to what is not spoken"])
async def test_either_gives_the_word_that_a_body_waits_for(fields):
    heard = []
    for http in (LeanHttp, HttpToolsProtocol):
        async with speaking(http, Application()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(b"/echo", b"abc", b"expect: 100-continue", *fields).removesuffix(b"abc"))
            heard.append(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE))
            writer.close()
    assert heard == [b"HTTP/1.1 100 Continue\r\n\r\n"] * 2


async def test_either_waits_for_a_slow_reader():
    class Pouring(Application):
        written = 0

        async def pour(self, _scope, _receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(64):
                await send({"type": "http.response.body", "body": LARGE, "more_body": True})
                self.written += 1

    for http in (LeanHttp, HttpToolsProtocol):
        application = Pouring()
        async with speaking(http, application) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(b"/pour"))
            for _ in range(100):  # others are served meanwhile
                await talk(port, post(b"/echo", b"", LAST))
            assert 0 < application.written < 32
            writer.transport.abort()
