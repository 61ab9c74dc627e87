"""The link over Streamable HTTP, against a server that writes whatever bytes it likes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from conformance import http_reply
from conformance.http_link import HttpLink
from conformance.http_reply import HttpReply, HttpRequest
from conformance.links import Answer, Gone, Silence, Throttled
from conformance.transcript import NO_JSON, Direction, Entry

from .raw_http import END, STREAM, Got, Serve, answer, chunk, linked, reply

ASK = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def play(serve: Serve, scene: Callable[[HttpLink], Awaitable[Any]], **headers: str) -> Any:
    async def run() -> Any:
        async with linked(serve, **headers) as link:
            with anyio.fail_after(10):
                return await scene(link)

    return anyio.run(run)


def ask(link: HttpLink, timeout: float = 5.0, **headers: str | None) -> Awaitable[Answer]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return link.call(HttpRequest(body=json.dumps(ASK).encode(), headers=given, value=ASK), timeout)


def writing(*pieces: bytes) -> Serve:
    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return serve


def event(message: Any, head: str = "") -> bytes:
    return f"{head}data: {json.dumps(message)}\n\n".encode()


RESULT = {"jsonrpc": "2.0", "id": 1, "result": {"x": 1}}
NOTE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}


def test_a_json_reply_is_the_answer_and_all_of_it_is_recorded() -> None:
    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(got, {"path": got.path, "seen": got.headers.get("x-own")}))

    async def scene(link: HttpLink) -> None:
        got = await ask(link, x_own="yes")
        assert got.result == {"path": "/mcp?a=b", "seen": "yes"}
        sent, head, body = link.conversation.entries
        assert (sent.direction, sent.head is not None, sent.exchange) == (Direction.SENT, True, 1)
        assert (head.head.status, body.value["id"]) == (200, 1)  # type: ignore[union-attr] # a reply has a head
        assert link.conversation.bodies[1].ended

    play(serve, scene)


def test_headers_go_out_in_layers_and_none_removes_one() -> None:
    seen: list[dict[str, str]] = []

    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        seen.append(got.headers)
        writer.write(answer(got))

    async def scene(link: HttpLink) -> None:
        await ask(link, authorization="mine", user_agent=None)

    play(serve, scene, Authorization="theirs", Tenant="t")
    assert seen[0]["authorization"] == "mine"
    assert seen[0]["tenant"] == "t"
    assert "user-agent" not in seen[0]


def test_a_stream_gives_what_came_before_the_response_and_waits_for_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_reply, "TAIL", 0.05)
    heard: list[Entry] = []

    async def listen(entry: Entry) -> None:
        heard.append(entry)

    async def scene(link: HttpLink) -> Answer:
        link.listener = listen
        return await ask(link)

    whole = STREAM + chunk(b": hello\n\n") + chunk(event(NOTE)) + chunk(event(RESULT))
    got = play(writing(whole), scene)
    assert got.result == {"x": 1}
    assert [entry.value["method"] for entry in got.earlier] == ["notifications/message"]
    assert heard == list(got.earlier)


def test_a_stream_that_stays_open_after_its_response_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_reply, "TAIL", 0.05)

    async def scene(link: HttpLink) -> None:
        await ask(link)
        (facts,) = link.conversation.bodies.values()
        assert (facts.ended, facts.lingered) == (False, True)

    play(writing(STREAM + chunk(event(RESULT))), scene)


def test_an_answer_that_is_no_json_is_described_by_status_and_body() -> None:
    got = play(writing(reply(b"go away", "403 Forbidden", "text/plain")), ask)
    assert (got.status, got.message, got.body) == (403, NO_JSON, b"go away")
    assert got.describe() == "HTTP 403: go away"


def test_an_error_in_a_reply_of_400_is_the_answer() -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "no"}}
    got = play(writing(reply(json.dumps(error).encode(), "400 Bad Request")), ask)
    assert (got.status, got.code) == (400, -32600)


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ((), "silence"),
        ((STREAM + chunk(event(NOTE)),), "a stream without a response"),
        ((b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"jso',), "did not end"),
    ],
)
def test_what_does_not_come_in_time_is_silence_and_says_which(pieces: tuple[bytes, ...], words: str) -> None:
    with pytest.raises(Silence, match=words):
        play(writing(*pieces), lambda link: ask(link, 0.1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no valid HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_a_connection_that_fails_is_gone_and_says_how(data: bytes, words: str) -> None:
    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    with pytest.raises(Gone, match=words):
        play(serve, ask)


def test_a_body_without_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_reply, "BODY_LIMIT", 1 << 20)

    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(64):
            writer.write(chunk(b"a" * (1 << 16)))
            await writer.drain()

    with pytest.raises(Gone, match="longer than 1 MiB"):
        play(serve, ask)


def test_a_stream_that_the_server_closed_early_is_taken_up_again_where_it_stopped() -> None:
    seen: list[Got] = []

    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        seen.append(got)
        piece = f"id: {len(seen)}\nretry: 1\ndata: \n\n".encode() if len(seen) < 3 else event(RESULT, "id: 3\n")
        writer.write(STREAM + chunk(piece) + END)

    got = play(serve, ask)
    assert got.result == {"x": 1}
    assert [(item.method, item.headers.get("last-event-id")) for item in seen] == [
        ("POST", None),
        ("GET", "1"),
        ("GET", "2"),
    ]


def test_a_stream_that_never_brings_its_response_is_not_taken_up_for_ever() -> None:
    count = 0

    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        writer.write(STREAM + chunk(b"id: 1\nretry: 0\ndata: \n\n") + END)

    got = play(serve, ask)
    assert got.message is NO_JSON
    assert count <= 25


def test_a_pause_longer_than_the_patience_is_not_waited_for() -> None:
    got = play(writing(STREAM + chunk(b"id: 1\nretry: 3600000\ndata: \n\n") + END), ask)
    assert got.message is NO_JSON


def test_a_reply_may_be_held_open_and_read_in_pieces() -> None:
    more = asyncio.Event()

    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + chunk(event(NOTE, "id: a\n")))
        await more.wait()
        writer.write(chunk(event(RESULT, "id: b\n")) + END)

    async def scene(link: HttpLink) -> tuple[HttpReply, HttpReply]:
        async with link.opened(HttpRequest("GET", headers={"accept": "text/event-stream"}), 5) as live:
            first = await live.read(5, lambda so_far: bool(so_far.messages))
            more.set()
            return first, await live.read(5)

    first, whole = play(serve, scene)
    assert (first.ended, first.event_ids, first.final) == (False, ("a",), None)
    assert (whole.ended, whole.event_ids) == (True, ("a", "b"))
    assert whole.final.value == RESULT


def test_an_error_of_a_gate_before_the_server_is_no_message() -> None:
    got = play(writing(reply(b'{"error":"invalid_token"}', "401 Unauthorized")), ask)
    assert (got.status, got.message) == (401, NO_JSON)
    assert got.describe() == 'HTTP 401: {"error":"invalid_token"}'


@pytest.mark.parametrize(("status", "times"), [("429 Too Many Requests", 2), ("503 Service Unavailable", 1)])
def test_a_limit_of_requests_or_clients_is_waited_out(status: str, times: int) -> None:
    replies = [reply(b"slow down", status, "text/plain", retry_after="0")] * times

    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(replies.pop() if replies else answer(got))

    assert play(serve, ask).result == {}


@pytest.mark.parametrize("retry_after", ["0", "3600", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_limit_that_stays_is_told_apart_from_an_answer(retry_after: str) -> None:
    limit = reply(b"slow down", "429 Too Many Requests", "text/plain", retry_after=retry_after)
    with pytest.raises(Throttled, match="429"):
        play(writing(limit), lambda link: ask(link, 0.5))
