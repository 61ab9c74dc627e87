"""Sites that hang, drip, reset, lie and send rubbish: a clear error in time, and the next page comes as if nothing had
been."""

import asyncio
import socket
import struct

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.servers.web import Limits, Outside, WebSettings, make_server
from reference_impl.servers.web.errors import FetchError
from reference_impl.servers.web.fetching import Web
from reference_impl.servers.web.metadata import metadata
from reference_impl.servers.web.reading import markdown_of
from reference_impl.servers.web.tree import parse
from tests.reference_impl.servers.talking import talking
from tests.reference_impl.servers.web.world import PUBLIC, answer, moved, site, world

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"
SLOW = "took longer than 1 s"


async def hang(_reader, _writer):
    await asyncio.get_running_loop().create_future()


async def drip(_reader, writer):
    writer.write(HEAD + b"content-length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_a_head(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless_head(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: " + b"y" * 8000 + b"\r\n")
        await writer.drain()


async def endless_interim(_reader, writer):
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        await writer.drain()


async def reset(_reader, writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def half(_reader, writer):
    writer.write(HEAD + b"content-length: 1000\r\n\r\n<p>half")


async def half_a_chunk(_reader, writer):
    writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n10\r\n<p>ha")


async def endless_body(_reader, writer):
    writer.write(HEAD + b"\r\n<p>")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


FAULTS = {
    "hang": (hang, SLOW),
    "drip": (drip, SLOW),
    "drip a head": (drip_a_head, SLOW),
    "endless head": (endless_head, "header is longer"),
    "endless interim": (endless_interim, SLOW),
    "reset": (reset, "the connection"),
    "nothing": (b"", "closed the connection"),
    "half": (half, "before the end"),
    "half a chunk": (half_a_chunk, "before the end"),
    "rubbish": (b"\x00\xff not http at all\r\n\r\n", "no valid HTTP"),
    "another protocol": (b"220 mail.test ESMTP\r\n\r\n", "no valid HTTP"),
    "bad length": (HEAD + b"content-length: -5\r\n\r\nx", "no valid HTTP"),
    "two lengths": (HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxx", "no valid HTTP"),
    "bad chunk": (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\nxx\r\n", "no valid HTTP"),
    "protocol switch": (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "switched protocols"),
    "circle": (moved("/"), "redirects more than 5 times"),
    "empty location": (moved(""), "redirects more than 5 times"),
    "no location": (answer(status=302), "302 Found"),
    "not modified": (answer(status=304), "304 Not Modified"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_site_that_goes_wrong_is_told_of_in_time_and_forgotten(fault):
    script, said = FAULTS[fault]
    limits = Limits(most_seconds=1 if said is SLOW else 20, cache_seconds=0)
    async with site({"/robots.txt": answer("", 404), "/": script}) as here, talking(world(limits=limits)) as talk:
        with anyio.fail_after(15):
            assert said in await talk.fails("fetch_page", url=here.url)
        here.pages["/"] = answer("<p>Well again")
        assert (await talk.call("fetch_page", url=here.url))["markdown"] == "Well again"


async def test_a_body_without_end_is_cut_at_the_limit():
    limits = Limits(most_bytes=100_000)
    async with site({"/": endless_body}) as here, talking(world(limits=limits)) as talk:
        found = await talk.call("fetch_page", url=here.url)
    assert found["truncated"]
    assert found["total"] <= 100_000


async def test_where_nobody_listens_that_is_said():
    with socket.socket() as free:
        free.bind((PUBLIC, 0))
        port = free.getsockname()[1]
        async with talking(world()) as talk:
            assert "connection refused" in await talk.fails("fetch_page", url=f"http://{PUBLIC}:{port}/")


@pytest.mark.parametrize(
    ("fault", "said"), [("hangs", SLOW), ("fails", "no connection"), ("is empty", "no connection")]
)
async def test_a_resolver_that_goes_wrong_is_told_of_in_time(fault, said):
    async def resolve(_host, _port):
        if fault == "fails":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [] if fault == "is empty" else await asyncio.get_running_loop().create_future()

    async with talking(make_server(WebSettings(limits=Limits(most_seconds=1)), outside=Outside(resolve))) as talk:
        assert said in await talk.fails("fetch_page", url="http://example.test/")


async def test_a_hanging_site_holds_up_no_other():
    limits = Limits(most_seconds=20, concurrency=3, per_host=2)
    async with (
        site({"/robots.txt": answer("", 404), "/": hang}) as slow,
        site({"/": answer("<p>Here")}) as here,
        talking(world(limits=limits)) as talk,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(5):
            tasks.start_soon(talk.client.call_tool, "fetch_page", {"url": slow.url})
        await slow.until_asked("/", 2)
        assert (await talk.call("fetch_page", url=here.url))["markdown"] == "Here"
        assert slow.asked.count("/") == 2, "so many at a time for one host, and no more"
        tasks.cancel_scope.cancel()


async def test_a_call_that_is_cancelled_lets_go_of_its_connection_and_its_place():
    gone = asyncio.Event()

    async def watched(reader, _writer):
        await reader.read()
        gone.set()

    limits = Limits(concurrency=1)
    async with site({"/robots.txt": answer("", 404), "/": watched}) as here, talking(world(limits=limits)) as talk:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(talk.client.call_tool, "fetch_page", {"url": here.url})
            await here.until_asked("/")
            tasks.cancel_scope.cancel()
        await asyncio.wait_for(gone.wait(), 15)
        here.pages["/"] = answer("<p>Next")
        assert (await talk.call("fetch_page", url=here.url))["markdown"] == "Next"


PIECES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.0 200\r\n",
            b"HTTP/1.1 301 Moved\r\n",
            b"HTTP/1.1 103 Early\r\n\r\n",
            b"\r\n",
            b"\n",
        ),
        *(
            b"location: /x\r\n",
            b"location: \xff\r\n",
            b"location: http://[\r\n",
            b"content-length: 5\r\n",
            b"content-length: x\r\n",
        ),
        *(
            b"transfer-encoding: chunked\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"ffffffffffffffff\r\n",
            b"content-encoding: gzip\r\n",
        ),
        *(b"content-type: text/html; charset=\xe9\r\n", b"content-type: ;;;\r\n", b"content-type: application/xml\r\n"),
        *(
            b"cache-control: max-age=99999999999999999999\r\n",
            b"age: -1\r\n",
            b"expires: Thu, 99 Foo 99999\r\n",
            b"date: 0\r\n",
        ),
        *(
            b"retry-after: 99999999999\r\n",
            b"\x1f\x8b\x08\0",
            b"\0",
            b"<p>hello",
            b"<table><tr><td>",
            b": \r\n",
            b"a:b:c\r\n",
        ),
    ]
)
STATUS = st.sampled_from(
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\n", b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"]
)


@given(st.lists(st.tuples(STATUS, st.lists(PIECES, max_size=8).map(b"".join)).map(b"".join), min_size=1, max_size=60))
@settings(max_examples=8, derandomize=True, deadline=None)
def test_whatever_a_site_sends_is_a_page_or_an_error_that_is_told(responses):
    anyio.run(_met, responses)


async def _met(responses):
    async with site({"/robots.txt": answer("", 404)}) as here:
        web = Web(WebSettings(allow_networks=(f"{PUBLIC}/32",), limits=Limits(most_seconds=2)), Outside())
        for number, response in enumerate(responses):
            here.pages[f"/{number}"] = response
            try:
                page = await web.fetch(f"{here.url}/{number}", packed=True)
            except FetchError:
                continue  # anything else would be a fault of ours
            markdown_of(page, main=True)
            metadata(parse(page.text()), str(page.url))
