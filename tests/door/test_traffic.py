"""HTTP traffic is recorded where somebody asks for it, both of servers that are checked and of clients."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import anyio.abc
import anyio.streams.stapled
import pytest

from conformance.clients.http_wire import HttpConnection
from conformance.transcript import owner
from door.commands import run_check
from door.embedded import EmbeddedServer
from door.options import CheckingOptions, OutputOptions, TargetOptions
from door.traffic import exchange_of, watched
from reference_impl.transports.http import ConnectFailed, ConnectionLost, HttpPool, Origin
from reference_impl.transports.http_witness import KEPT, Witness, witnessed
from reports.records import REDACTED, Exchange, read

REPLY = b"HTTP/1.1 202 Accepted\r\nX-Is: it\r\nContent-Length: 4\r\n\r\ndone"


async def talk(reply: bytes, *, read: bool = True) -> None:
    """One POST to a server that answers with these bytes."""

    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(reply)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, answer)
            pool = HttpPool(Origin("http", "127.0.0.1", port))
            try:
                async with pool.exchange("POST", "/mcp?a=1", [("Authorization", "Bearer x")], b"{}") as response:
                    if read:
                        await response.read()
            finally:
                await pool.aclose()
                tasks.cancel_scope.cancel()


def test_an_exchange_is_recorded_with_both_messages_and_its_owner() -> None:
    kept: list[Exchange] = []

    async def checked() -> None:
        owner.set("it")
        await talk(REPLY)

    with watched(kept.append):
        anyio.run(checked)
    (exchange,) = kept
    assert exchange.url.startswith("http://127.0.0.1:")
    assert exchange.url.endswith("/mcp?a=1")
    assert (exchange.request.start, exchange.request.body) == ("POST /mcp?a=1 HTTP/1.1", "{}")
    assert ("Authorization", "Bearer x") in exchange.request.headers
    assert exchange.response is not None
    assert (exchange.response.start, exchange.response.body) == ("HTTP/1.1 202 Accepted", "done")
    assert ("x-is", "it") in exchange.response.headers
    assert (exchange.owner, exchange.note) == ("it", "")
    assert exchange.timings.connect is not None


def test_nothing_is_kept_while_nobody_watches() -> None:
    kept: list[Exchange] = []
    with watched(kept.append):
        pass
    anyio.run(talk, REPLY)
    assert kept == []
    with witnessed("http://x", "GET / HTTP/1.1", [], b"") as witness:
        assert witness is None


def test_a_reply_that_was_left_or_never_came_says_so() -> None:
    kept: list[Exchange] = []

    async def refused() -> None:
        async with HttpPool(Origin("http", "127.0.0.1", 1)).exchange("GET", "/", []):
            pass

    with watched(kept.append):
        anyio.run(lambda: talk(REPLY.replace(b"4", b"5"), read=False))
        with pytest.raises(BaseExceptionGroup) as caught:
            anyio.run(talk, b"")
        assert caught.group_contains(ConnectionLost)
        with pytest.raises(ConnectFailed):
            anyio.run(refused)
    left, lost, unreached = kept
    assert left.note.startswith("left before the end of the body")
    assert (lost.response, unreached.response) == (None, None)
    assert lost.note.startswith("no response: the server closed the connection")
    assert unreached.note.startswith("no response: 127.0.0.1:1: connection refused")


def test_a_body_is_kept_up_to_a_limit_and_the_rest_is_counted() -> None:
    witness = Witness("http://x/", "POST / HTTP/1.1", (), b"\xff" + b"x" * KEPT)
    witness.answered(200, "HTTP/1.1 200 OK", [])
    for _ in range(3):
        witness.brought(b"y" * (KEPT // 2))
    exchange = exchange_of(witness, 0.0)
    assert exchange.request.body.startswith("\\xffx")
    assert (exchange.request.size, exchange.request.truncated) == (KEPT + 1, 1)
    assert exchange.response is not None
    assert (len(exchange.response.body), exchange.response.truncated) == (KEPT, KEPT // 2)


def test_the_times_of_the_parts_add_up() -> None:
    witness = Witness("http://x/", "GET / HTTP/1.1", (), b"", began=10.0)
    witness.connecting, witness.connected, witness.sent, witness.replied, witness.ended = 10.0, 10.5, 10.75, 11.75, 12.0
    times = exchange_of(witness, 0.0).timings
    assert (times.connect, times.send, times.wait, times.receive) == (500.0, 250.0, 1000.0, 250.0)


def test_what_a_client_asks_a_scripted_server_is_recorded_too() -> None:
    kept: list[Exchange] = []

    async def serve() -> None:
        ours, theirs = anyio.create_memory_object_stream[bytes](9), anyio.create_memory_object_stream[bytes](9)
        stream = anyio.streams.stapled.StapledObjectStream(ours[0], theirs[1])
        connection = HttpConnection(stream)  # type: ignore[arg-type] # as good as a byte stream
        await theirs[0].send(b"POST /mcp HTTP/1.1\r\nHost: here:1\r\nContent-Length: 2\r\n\r\n{}")
        assert await connection.request() is not None
        await connection.start(200, [("content-length", "2")])
        await connection.data(b"[]")
        await connection.end()
        connection.next_cycle()
        await theirs[0].send(b"GET /mcp HTTP/1.1\r\nHost: here:1\r\n\r\n")
        assert await connection.request() is not None
        connection.finish()
        for end in (*ours, *theirs):
            end.close()

    with watched(kept.append):
        anyio.run(serve)
    answered, left = kept
    assert (answered.url, answered.request.body, answered.note) == ("http://here:1/mcp", "{}", "")
    assert answered.response is not None
    assert (answered.response.start, answered.response.body) == ("HTTP/1.1 200 OK", "[]")
    assert (left.response, left.note) == (None, "no response: nobody waited for it any longer")


def test_a_check_that_was_asked_for_traffic_records_it_all_without_its_secrets(tmp_path: Path) -> None:
    options = OutputOptions(records=tmp_path / "r.jsonl", reports={"har": tmp_path / "t.har"}, quiet=True)
    checking = CheckingOptions(only=["base.method.unknown"], revision=["2025-11-25"])
    with EmbeddedServer() as server:
        code = run_check(TargetOptions(target=[server.target.url], token="sesame-open"), options, checking)
    run = read(tmp_path / "r.jsonl")
    assert (code, run.header.revisions != ()) == (0, True)
    assert any(exchange.owner == "base.method.unknown" for exchange in run.exchanges)
    entries = json.loads((tmp_path / "t.har").read_text("utf-8"))["log"]["entries"]
    assert len(entries) == len(run.exchanges) > 3
    assert {"name": "authorization", "value": f"Bearer {REDACTED}"} in entries[0]["request"]["headers"]
    assert "sesame" not in (tmp_path / "t.har").read_text("utf-8") + (tmp_path / "r.jsonl").read_text("utf-8")


def test_a_check_that_was_not_asked_keeps_none(tmp_path: Path) -> None:
    options = OutputOptions(records=tmp_path / "r.jsonl", quiet=True)
    with EmbeddedServer() as server:
        run_check(TargetOptions(target=[server.target.url]), options, CheckingOptions(only=["base.method.unknown"]))
    assert read(tmp_path / "r.jsonl").exchanges == ()


def test_reports_are_written_though_nothing_was_judged_and_traffic_shows_why(tmp_path: Path) -> None:
    reports = {"har": tmp_path / "t.har", "sarif": tmp_path / "t.sarif"}
    options = OutputOptions(records=tmp_path / "r.jsonl", reports=reports, quiet=True)
    with EmbeddedServer() as server:
        elsewhere = server.target.url.replace("/mcp", "/elsewhere")
        code = run_check(TargetOptions(target=[elsewhere]), options, CheckingOptions())
    entries = json.loads((tmp_path / "t.har").read_text("utf-8"))["log"]["entries"]
    assert (code, {entry["response"]["status"] for entry in entries}) == (3, {404})
    (invocation,) = json.loads((tmp_path / "t.sarif").read_text("utf-8"))["runs"][0]["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
