"""Scripts that repeat a conversation with Python's standard library alone: they are run, not read."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from conformance.properties.script import script_of
from conformance.target import HttpTarget, MemoryTarget, StdioTarget
from conformance.transcript import Conversation, Direction, Entry, HttpHead
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

REPEATS = "import sys; sys.stdout.write(repr(sys.stdin.buffer.read()))"
"""A server that says what it was sent."""


def _sent(*parts: Any) -> list[Entry]:
    conversation = Conversation("stdio", "test")
    for part in parts:
        if isinstance(part, bytes):
            conversation.record(Direction.SENT, part)
        else:
            conversation.record(Direction.SENT, json.dumps(part).encode(), part)
        conversation.record(Direction.RECEIVED, b"{}", {})
    return conversation.entries


def _run(script: str) -> str:
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_modern_script_sends_messages_as_lines_and_bytes_as_they_were() -> None:
    target = StdioTarget((sys.executable, "-c", REPEATS))
    wire = _sent({"id": 1}, b'{"cut', b' in two"}\n')
    assert repr(b'{"id": 1}\n{"cut in two"}\n') in _run(script_of(target, LATEST, wire))


def test_a_legacy_script_opens_first_unless_the_case_does() -> None:
    target = StdioTarget((sys.executable, "-c", REPEATS))
    said = _run(script_of(target, LATEST_LEGACY, _sent({"id": 1, "method": "ping"})))
    assert said.index("initialize") < said.index("notifications/initialized") < said.index("ping")
    assert LATEST_LEGACY.name in said
    own = {"id": 1, "method": "initialize", "params": {}}
    assert _run(script_of(target, LATEST_LEGACY, _sent(own))).count("initialize") == 1


def test_a_server_that_dies_of_the_script_is_told_by_its_status() -> None:
    target = StdioTarget((sys.executable, "-c", "import sys; sys.exit(7)"))
    assert "exit status 7" in _run(script_of(target, LATEST, _sent({"id": 1}, b"a" * 300_000, {"id": 2})))


@contextmanager
def _server() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.append((self.command, headers, body))
            self.send_response(200 if b"initialize" in body else 418)
            self.send_header("mcp-session-id", "abc")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mcp", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_http_script_opens_a_session_and_sends_the_headers_of_the_case() -> None:
    conversation = Conversation("http", "test")
    head = HttpHead("POST /mcp HTTP/1.1", (("content-type", "application/json"), ("mcp-session-id", "old"), ("x", "y")))
    conversation.record(Direction.SENT, b'{"id":1}', {"id": 1}, head=head, exchange=1)
    with _server() as (url, seen):
        printed = _run(script_of(HttpTarget(url), LATEST_LEGACY, conversation.entries))
    assert [b"initialize" in body for _, _, body in seen] == [True, True, False]
    _, headers, body = seen[-1]
    assert (headers["mcp-session-id"], headers["x"], body) == ("abc", "y", b'{"id":1}')
    assert "418 {}" in printed


def test_a_target_inside_this_process_has_no_script() -> None:
    async def never() -> Any:
        raise AssertionError

    assert script_of(MemoryTarget("it", never), LATEST, _sent({"id": 1})) == ""
