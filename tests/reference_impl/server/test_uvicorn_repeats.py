"""Heads that repeat: an application sees the same requests, whether the parser or the memory read them."""

import asyncio

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reference_impl.server import uvicorn_http
from reference_impl.server.uvicorn_http import LeanHttp
from reference_impl.server.uvicorn_repeats import RepeatedHead
from tests.reference_impl.server.test_uvicorn_alike import speaking
from tests.reference_impl.server.test_uvicorn_http import LAST, PATIENCE, post

pytestmark = pytest.mark.anyio
SCOPE = {"type": "http", "asgi": {"version": "3.0"}, "headers": [(b"host", b"here"), (b"content-length", b"3")]}
HEAD = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %b\r\n\r\n"
ONE = HEAD % b"3" + b"abc"


class Witness:
    """Keeps what it is asked, and changes all that it was given; answers with nothing."""

    def __init__(self):
        self.seen = []

    async def __call__(self, scope, receive, send):
        event = await receive()
        addresses = {"server", "client"}
        scope = {name: value for name, value in scope.items() if name not in addresses}
        self.seen.append((repr(scope), event))
        scope["headers"].append((b"added", b"later"))
        scope["asgi"]["version"] = scope["state"]["known"] = "changed"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


async def told(protocol, pieces):
    """Send each piece when the one before is answered, and return what the application saw."""
    application = Witness()
    async with speaking(protocol, application) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            for piece in pieces:
                writer.write(piece)
                for _ in range(piece.count(b"HTTP/1.1")):
                    await reader.readuntil(b"\r\n\r\n")
        writer.close()
    return application.seen


CONVERSATIONS = {
    "the same again": [post(b"/a?b=%20", b"abc")] * 3,
    "other bodies": [post(b"/", body) for body in (b"abc", b"xyz", b"longer than ten", b"", b"a")],
    "another field": [post(b"/", b"a", b"mcp-name: x"), post(b"/", b"a", b"mcp-name: y"), post(b"/", b"a")],
    "two after one": [post(b"/", b"a"), post(b"/", b"b") * 2, post(b"/", b"c")],
    "one that ends the connection": [post(b"/", b"a"), post(b"/", b"b"), post(b"/", b"c", LAST)],
    "empty lines": [
        post(b"/", b"a") + b"\r\n",
        post(b"/", b"a"),
        b"\r\n" + post(b"/", b"a"),
        b"\r\n" + post(b"/", b"b"),
    ],
    "no body": [b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"] * 3,
    "an escape, spaces, odd letters": [b"PUT /%41 HTTP/1.1\r\nHOST:here\r\nCONTENT-length: \t1\r\nX:  y \r\n\r\n1"] * 3,
    "an expectation": [post(b"/", b"a", b"expect: 100-continue")] * 3,
    "nothing repeats": [post(b"/%d" % number, b"a") for number in range(12)],
}


@pytest.mark.parametrize("pieces", CONVERSATIONS.values(), ids=CONVERSATIONS)
async def test_an_application_sees_what_a_parser_would_have_read(pieces):
    assert await told(LeanHttp, pieces) == await told(HttpToolsProtocol, pieces)


async def test_a_head_that_repeats_is_not_parsed_again(monkeypatch):
    parsed = []
    monkeypatch.setattr(uvicorn_http, "_target", lambda url, _root: parsed.append(url) or ("/", b"/", b""))
    await told(LeanHttp, [post(b"/", b"abc"), post(b"/", b"a longer one"), post(b"/", b"")])
    assert parsed == [b"/"]


@pytest.mark.parametrize(
    "data",
    [ONE + b"\r\n", ONE * 2, b"\r\n" + ONE, HEAD % b"4" + b"abcd" + b"G", HEAD % b"3" + b"ab"],
    ids=["an empty line more", "two", "an empty line before", "one more byte", "one byte less"],
)
def test_what_is_not_exactly_one_request_is_left_to_the_parser(data):
    kept = RepeatedHead.of(ONE, SCOPE, 3)
    assert kept.read(ONE)[1] == b"abc"
    assert kept.read(data) is None


@pytest.mark.parametrize("length", [b"", b"+3", b"-3", b" 3", b"3 ", b"0x3", b"3_0", b"3,3", b"\xb2", b"0000000003"])
def test_a_length_that_is_no_plain_number_is_left_to_the_parser(length):
    assert RepeatedHead.of(ONE, SCOPE, 3).read(HEAD % length + b"abc") is None


def test_no_head_is_kept_that_was_not_read_to_the_end_or_is_long():
    assert RepeatedHead.of(ONE + b"\r\n", SCOPE, 3) is None
    assert RepeatedHead.of(ONE * 2, SCOPE, 3) is None
    assert (
        RepeatedHead.of(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", SCOPE, 3) is None
    )
    assert RepeatedHead.of(ONE.replace(b"here", b"h" * 5000), SCOPE, 3) is None
