"""An upstream that hangs, resets, answers rubbish, or is started again: clear errors, and calls work afterwards."""

import asyncio
import base64
import gzip
import hashlib
import json
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest
from aiohttp import web

from reference_impl.servers.gateway import Limits, Pace
from tests.reference_impl.servers.gateway.world import Waiting, answering, document, gateway, operation, upstream
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio

THING = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
CONTENT = {"application/json": {"schema": THING}}
VALUE = document(
    {
        "/a": {
            "get": operation(operationId="get"),
            "post": operation(operationId="post"),
            "put": operation(operationId="put"),
            "head": operation(operationId="head"),
        },
        "/typed": {"get": {"operationId": "typed", "responses": {"200": {"description": "", "content": CONTENT}}}},
    }
)
JSON = {"content-type": "application/json"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def raw(*replies):
    """Serve bytes as they are, one connection each, the last for ever; then the connection is closed."""
    left = list(replies)
    count = []

    async def serve(reader, writer):
        reply = left.pop(0) if len(left) > 1 else left[0]
        count.append(reply)
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", count
    finally:
        listening.close()
        await listening.wait_closed()


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def made(folder, url, **more):
    return gateway(folder, VALUE, url, Waiting().pace, **more)


async def told(folder, tool, *replies, **more):
    async with upstream(answering(*replies)) as there, talking(made(folder, there.url, **more)) as talk:
        return await talk.client.call_tool(tool, {})


# Rubbish ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "answered what is no HTTP"),
        (b"\x00\xff" * 50_000, "answered what is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", "answered what is no HTTP"),
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 0 Fine\r\n\r\n", "no HTTP"),
        (b"HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nx y: z\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "closed the connection|no HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "broke off in the middle"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc", "broke off in the middle"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope", "broke off|no HTTP"),
    ],
)
async def test_what_is_no_answer_is_a_clear_error(tmp_path, reply, words):
    async with raw(reply) as (url, count), talking(made(tmp_path, url)) as talk:
        result = await talk.fails("get")
        assert result.startswith(f"GET /a: {url} ")
        assert any(word in result for word in words.split("|")), result
        assert len(count) >= 3  # reading is tried again
        count.clear()
        assert "whether it was carried out is not known" in await talk.fails("post")
        assert len(count) == 1


async def test_a_body_without_a_type_is_a_text_if_it_can_be_one(tmp_path):
    for body, shown in ((b"hi", "hi"), (b"\xff\x00", "A body of 2 bytes, no type")):
        reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" + body
        async with raw(reply) as (url, _), talking(made(tmp_path, url)) as talk:
            assert (await talk.call("get"))[0]["text"].startswith(shown)


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        (JSON, b"<html>oops", "its body is no valid JSON; it begins:"),
        (JSON, b'{"a": "\xff"}', "no valid JSON"),
        (JSON, b'{"a": NaN}', "no valid JSON"),
        (JSON, b'{"a": "\\ud800"}', "no valid JSON"),
        (JSON, b"[" * 100_000, "no valid JSON"),
        (JSON, b"[" * 500 + b"]" * 500, "nested more than 200 deep"),
        ({"content-type": "application/json; charset=utf-16"}, b"{}", "no valid JSON"),
    ],
)
async def test_json_that_is_none_is_an_error_that_says_it_was_carried_out(tmp_path, headers, body, words):
    result = await told(tmp_path, "post", (200, headers, body))
    assert result["isError"]
    assert result["content"][0]["text"].startswith("POST /a was carried out and answered 200 OK, but")
    assert words in result["content"][0]["text"]
    assert len(json.dumps(result)) < 10_000


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (JSON, b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ({"content-type": "application/problem+json"}, b"{}", {}),
        ({"content-type": "application/json; charset=latin-1"}, '{"a": "é"}'.encode("latin-1"), {"a": "é"}),
        ({"content-type": "application/json; charset=nonsense"}, '{"a": "é"}'.encode(), {"a": "é"}),
        (JSON, b"\xef\xbb\xbf{}", {}),
        ({**JSON, "content-encoding": "gzip"}, gzip.compress(b'{"a": 1}', mtime=0), {"a": 1}),
    ],
)
async def test_json_is_structured(tmp_path, headers, body, expected):
    result = await told(tmp_path, "get", (200, headers, body))
    assert result["structuredContent"] == expected
    assert json.loads(result["content"][0]["text"]) == expected


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        ({"content-type": "text/plain; charset=iso-8859-1"}, b"caf\xe9", "café"),
        ({"content-type": "text/plain; charset=utf-8"}, b"caf\xe9", "caf\ufffd"),
        ({"content-type": "text/plain; charset=punycode"}, b"caf", "caf"),
        ({"content-type": "application/xml"}, b"<a/>", "<a/>"),
        (JSON, b"[1, 2]", "[1,2]"),
        (JSON, b"", "200 OK\ncontent-type: application/json\ncontent-length: 0"),
        (
            {"content-type": "application/zip"},
            b"PK",
            f"A body of 2 bytes, application/zip, SHA-256 {_digest(b'PK')}; it is not shown",
        ),
    ],
)
async def test_other_bodies_are_texts_or_described(tmp_path, headers, body, text):
    result = await told(tmp_path, "get", (200, headers, body))
    assert result["content"] == [{"type": "text", "text": text}]
    assert not result.get("isError")


async def test_images_and_sounds_are_what_they_are(tmp_path):
    for kind, block in (("image/png", "image"), ("audio/wav", "audio")):
        result = await told(tmp_path, "get", (200, {"content-type": kind}, b"\x89data"))
        data = base64.b64encode(b"\x89data").decode()
        assert result["content"] == [{"type": block, "data": data, "mimeType": kind}]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((200, JSON, b'{"a": 1}'), 'which is not what its document promises: a: 1 is not of types "null", "string"'),
        ((200, JSON, b"[]"), "not what its document promises"),
        ((200, {"content-type": "text/plain"}, b"hello"), "promises: it has no JSON body"),
        ((204, {}, b""), "promises: it has no JSON body"),
    ],
)
async def test_an_answer_that_breaks_the_promise_of_the_document_is_an_error_with_the_answer(tmp_path, reply, words):
    result = await told(tmp_path, "typed", reply)
    assert result["isError"]
    assert "structuredContent" not in result
    assert words in result["content"][0]["text"]
    assert not (await told(tmp_path, "typed", reply, output_schemas=False)).get("isError")


@pytest.mark.parametrize("length", [True, False])
async def test_too_much_is_refused_however_it_comes(tmp_path, length):
    async def much(request):
        response = web.StreamResponse(headers={"content-length": "200000"} if length else {})
        if not length:
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        for _ in range(20):
            await response.write(b"x" * 10_000)
        await response.write_eof()
        return response

    async with upstream(much) as there:
        server = made(tmp_path, there.url, limits=Limits(largest_answer=50_000))
        async with talking(server) as talk:
            assert "answered 200 with more than 50000 bytes" in await talk.fails("get")
    assert len(there.seen) == 1


async def test_errors_of_the_api_say_status_limits_and_what_the_body_begins_with(tmp_path):
    headers = {**JSON, "x-ratelimit-remaining": "0", "x-ratelimit-limit": "60"}
    body = json.dumps({"error": "slow down", "more": "x" * 10_000}).encode()
    result = await told(tmp_path, "post", (429, {**headers, "retry-after": "7"}, body))
    text = result["content"][0]["text"]
    assert result["isError"]
    assert text.startswith("POST /a answered 429 Too Many Requests\n")
    assert "x-ratelimit-remaining: 0\n" in text
    assert "retry-after: 7\n" in text
    assert '{"error":"slow down"' in text
    assert len(text) < 4_500
    facts = result["_meta"]["touchstone.gateway/upstream"]
    limits = {"x-ratelimit-remaining": "0", "x-ratelimit-limit": "60", "retry-after": "7"}
    assert facts == {"status": 429, "attempts": 1, "rateLimit": limits}


async def test_head_tells_what_the_headers_say(tmp_path):
    result = await told(tmp_path, "head", (200, {**JSON, "etag": '"5"'}, b"{}"))
    assert 'etag: "5"' in result["content"][0]["text"]


async def test_bytes_of_no_encoding_in_a_head_are_shown_as_such(tmp_path):
    head = b"HTTP/1.1 200 \xff\r\nx-ratelimit-by: \xfe\r\netag: \xfd\r\ncontent-length: 0\r\n\r\n"
    moved = b"HTTP/1.1 302 Found\r\nlocation: /\xff\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    async with raw(moved, head) as (url, _), talking(gateway(tmp_path, VALUE, url)) as talk:
        result = await talk.client.call_tool("get", {})
    assert "etag: \ufffd" in result["content"][0]["text"]
    assert result["_meta"]["touchstone.gateway/upstream"]["rateLimit"] == {"x-ratelimit-by": "\ufffd"}


async def test_what_is_no_success_is_an_error(tmp_path):
    assert (await told(tmp_path, "get", (101, {}, b"")))["isError"]
    assert (await told(tmp_path, "get", (600, {}, b"")))["isError"]


# Silence ---------------------------------------------------------------------------------------


class Hurry:
    """A clock that runs through most of a call's time until the call is sent, as long as it is in a hurry."""

    def __init__(self):
        self.time = 0.0
        self.hurries = True

    def now(self):
        self.time += 9.95 if self.hurries else 0  # read for the deadline, the credentials, the turn and the attempt
        return self.time


async def test_an_upstream_that_hangs_is_given_up_after_the_deadline(tmp_path):
    async def hang(_request):
        await asyncio.Event().wait()

    clock = Hurry()
    async with upstream(hang) as there, talking(gateway(tmp_path, VALUE, there.url, Pace(now=clock.now))) as talk:
        assert await talk.fails("get") == f"GET /a: {there.url} did not answer within 30 s"
        assert "whether it was carried out is not known" in await talk.fails("put")
        clock.hurries = False
        there.answer = answering((200, {"content-type": "text/plain"}, b"back"))
        assert (await talk.call("get"))[0]["text"] == "back"


async def test_what_one_caller_is_given_to_remember_no_other_sends(tmp_path):
    async with upstream(answering((200, {"set-cookie": "session=of-one; Path=/"}, b""))) as there:
        server = made(tmp_path, there.url.replace("127.0.0.1", "localhost"))
        async with talking(server) as one, talking(server) as other:
            await one.call("get")
            await other.call("get")
    assert [seen.headers.get("cookie") for seen in there.seen] == [None, None]


async def test_cancelling_a_call_cancels_the_request(tmp_path):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(_request):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with upstream(hang) as there, talking(made(tmp_path, there.url)) as talk:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(talk.client.call_tool, "get", {})
            await begun.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(20):
            await ended.wait()
        there.answer = answering((200, {"content-type": "text/plain"}, b"fine"))
        assert (await talk.call("get"))[0]["text"] == "fine"


async def test_no_more_calls_than_the_bound_are_under_way_at_once(tmp_path):
    most = now = 0

    async def count(_request):
        nonlocal most, now
        now += 1
        most = max(most, now)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        now -= 1
        return web.Response(text="done")

    async with upstream(count) as there:
        server = made(tmp_path, there.url, limits=Limits(concurrency=2))
        async with talking(server) as talk, anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(talk.call, "get")
    assert (most, len(there.seen)) == (2, 6)


# Starting again ------------------------------------------------------------------------------------


async def test_an_upstream_that_is_started_again_is_found_again(tmp_path):
    waiting = Waiting()
    async with AsyncExitStack() as running:
        there = await running.enter_async_context(upstream())
        port = int(there.url.rpartition(":")[2])
        async with talking(gateway(tmp_path, VALUE, there.url, waiting.pace, limits=Limits(failures=6))) as talk:
            assert await talk.call("get") == {"ok": True}
            await running.aclose()
            assert "cannot be reached" in await talk.fails("get")
            assert "cannot be reached" in await talk.fails("post")
            refused = await talk.fails("post")
            assert f"POST /a was not sent: {there.url} has failed 6 times in a row and is left alone" in refused
            assert "try again in" in refused
            waiting.time += 60
            await running.enter_async_context(upstream(port=port))
            assert await talk.call("post") == {"ok": True}
            assert await talk.call("get") == {"ok": True}
