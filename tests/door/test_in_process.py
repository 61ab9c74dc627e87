"""Servers of this process as targets: what counts as one, how they are named, served and ended."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from conformance.target import HttpTarget, MemoryTarget
from door.errors import Exit, Refusal
from door.in_process import in_process, kind_of, named_server


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def echo(reader: Any, writer: Any) -> None:
    await writer.send(await reader.receive())


async def with_log(reader: Any, writer: Any, log: Any = None) -> None: ...


class Callable3:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (application, "asgi"),
        (Callable3(), "asgi"),
        (echo, "streams"),
        (with_log, "streams"),
        (dict, None),
        (print, None),
        ("text", None),
        (None, None),
    ],
)
def test_a_server_is_known_by_its_arguments(server: Any, kind: str | None) -> None:
    assert kind_of(server) == kind


def test_an_application_is_served_for_the_time_of_the_block() -> None:
    before = threading.active_count()
    with in_process(application, "/here") as target:
        assert isinstance(target, HttpTarget)
        host, _, rest = target.url.removeprefix("http://").partition(":")
        port, _, path = rest.partition("/")
        assert (host, path) == ("127.0.0.1", "here")
        with socket.create_connection((host, int(port)), 5) as client:
            client.sendall(b"GET /here HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert b"\r\n/here\r\n" in answer
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5)


def test_an_application_that_does_not_start_is_unreachable() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(Refusal, match="did not start") as caught, in_process(broken, "/mcp"):
        raise AssertionError
    assert caught.value.code is Exit.UNREACHABLE


def test_a_function_of_two_streams_has_a_conversation_of_its_own_each_time() -> None:
    async def talk() -> list[bytes]:
        said = []
        with in_process(echo, "") as target:
            assert isinstance(target, MemoryTarget)
            for text in (b"one", b"two"):
                channel = await target.open()
                await channel.send(text)
                said.append(await channel.receive())
                with pytest.raises(anyio.EndOfStream):
                    await channel.receive()
        return said

    assert anyio.run(talk) == [b"one", b"two"]


def test_what_such_a_function_raises_ends_its_conversation_and_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async def fails(reader: Any, writer: Any) -> None:
        raise ZeroDivisionError

    async def talk() -> None:
        with in_process(fails, "") as target:
            assert isinstance(target, MemoryTarget)
            channel = await target.open()
            with pytest.raises(anyio.EndOfStream):
                await channel.receive()

    anyio.run(talk)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_is_no_server_is_refused() -> None:
    with pytest.raises(Refusal, match="neither an ASGI application nor an async function"), in_process(42, "/mcp"):
        raise AssertionError


def test_without_uvicorn_an_application_is_refused_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(Refusal, match=r"install mcp-touchstone\[servers\]"), in_process(application, "/mcp"):
        raise AssertionError


def test_a_server_is_named_by_module_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "named_here.py").write_text(
        "async def app(scope, receive, send): ...\ndef make():\n    return app\nvalue = 'python server.py'\n"
    )
    app = named_server("named_here:app", str(tmp_path))
    assert kind_of(app) == "asgi"
    assert named_server("named_here:make", str(tmp_path)) is app
    assert named_server("named_here:value", str(tmp_path)) == "python server.py"
    for other in ("python server.py", "http://127.0.0.1/mcp", "mcp.json#x", "localhost:3000", "C:\\x"):
        assert named_server(other, str(tmp_path)) is None
    with pytest.raises(Refusal, match="named_here has no nothing"):
        named_server("named_here:nothing", str(tmp_path))
    with pytest.raises(Refusal, match="No module named 'not_here'"):
        named_server("not_here:app", str(tmp_path))
