"""The link over Streamable HTTP, against a server that says exactly what it is told to say."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from conformance.http_link import HttpLink, HttpRequest
from conformance.links import Gone, Silence
from conformance.target import HttpTarget
from conformance.transcript import Conversation
from fixtures.miniatures.bent_http import listening
from reference_impl.transports.http import HttpPool, Origin

Script = Callable[[dict[str, Any], Callable[[Any], Awaitable[None]]], Awaitable[bool]]
"""Answers one request: takes the scope and `send`, tells whether the body ends."""

JSON = {"content-type": "application/json"}
STREAM = {"content-type": "text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 5, "method": "ping"}
PONG = b'{"jsonrpc":"2.0","id":5,"result":{}}'


def _application(script: Script) -> Any:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        if await script(scope, send):
            await send({"type": "http.response.body", "body": b""})
            return
        while (await receive())["type"] != "http.disconnect":
            pass

    return application


async def _begin(send: Any, headers: dict[str, str], body: bytes = b"", status: int = 200) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _run(script: Script, act: Callable[[HttpLink], Awaitable[Any]]) -> tuple[Any, Conversation]:
    async def main() -> tuple[Any, Conversation]:
        conversation = Conversation("http", "test")
        async with listening(_application(script)) as url:
            pool = HttpPool(Origin.of(url))
            try:
                return await act(HttpLink(HttpTarget(f"{url}/mcp"), conversation, pool)), conversation
            finally:
                await pool.aclose()

    return anyio.run(main)


def _post(**headers: str | None) -> HttpRequest:
    return HttpRequest("POST", json.dumps(PING).encode(), headers, PING)


def test_a_response_in_json_is_the_answer() -> None:
    async def script(_scope: Any, send: Any) -> bool:
        await _begin(send, JSON, PONG)
        return True

    answer, conversation = _run(script, lambda link: link.call(_post(), 5))
    assert answer.result == {}
    assert answer.status == 200
    assert conversation.bodies[1].ended


def test_a_reply_without_a_response_is_told_with_its_head_and_body() -> None:
    async def script(_scope: Any, send: Any) -> bool:
        await _begin(send, {"content-type": "text/plain"}, b"no", 403)
        return True

    answer, _ = _run(script, lambda link: link.call(_post(), 5))
    assert (answer.status, answer.body, answer.result, answer.code) == (403, b"no", None, None)


def test_messages_before_the_response_come_with_the_answer() -> None:
    notice = b'{"jsonrpc":"2.0","method":"notifications/message"}'

    async def script(_scope: Any, send: Any) -> bool:
        await _begin(send, STREAM, b"data: " + notice + b"\n\ndata: " + PONG + b"\n\n")
        return True

    answer, _ = _run(script, lambda link: link.call(_post(), 5))
    assert [entry.data for entry in answer.earlier] == [notice]


def test_a_stream_that_the_server_closes_early_is_taken_up_where_it_broke() -> None:
    asked: list[bytes | None] = []

    async def script(scope: Any, send: Any) -> bool:
        headers = dict(scope["headers"])
        asked.append(headers.get(b"last-event-id"))
        body = b"id: a\ndata:\n\n" if scope["method"] == "POST" else b"id: b\ndata: " + PONG + b"\n\n"
        await _begin(send, STREAM, body)
        return True

    answer, _ = _run(script, lambda link: link.call(_post(), 5))
    assert answer.result == {}
    assert asked == [None, b"a"]


def test_a_live_reply_is_read_until_what_was_wanted_has_come() -> None:
    async def script(_scope: Any, send: Any) -> bool:
        await _begin(send, STREAM, b"id: 1\ndata:\n\n")
        return False

    async def act(link: HttpLink) -> Any:
        async with link.opened(HttpRequest("GET"), 5) as live:
            return await live.read(5, lambda reply: bool(reply.event_ids))

    reply, conversation = _run(script, act)
    assert (reply.event_ids, reply.ended) == (("1",), False)
    assert [mark.id for mark in conversation.bodies[1].events] == ["1"]


def test_silence_and_a_connection_that_fails_are_told_apart() -> None:
    async def silent(_scope: Any, _send: Any) -> bool:
        return False

    with pytest.raises(Silence):
        _run(silent, lambda link: link.call(_post(), 0.05))

    async def nobody() -> None:
        conversation = Conversation("http", "test")
        url = "http://127.0.0.1:1/mcp"
        await HttpLink(HttpTarget(url), conversation, HttpPool(Origin.of(url))).call(_post(), 5)

    with pytest.raises(Gone):
        anyio.run(nobody)


def test_headers_of_a_request_replace_those_of_the_target_and_keep_their_spelling() -> None:
    target = HttpTarget("http://127.0.0.1:1/mcp", {"Authorization": "a", "X-Kept": "k"})
    link = HttpLink(target, Conversation("http", "test"), HttpPool(Origin.of(target.url)))
    headers = dict(link.headers(HttpRequest("GET", headers={"AUTHORIZATION": "b", "user-agent": None})))
    assert headers == {"host": "127.0.0.1:1", "AUTHORIZATION": "b", "X-Kept": "k"}
