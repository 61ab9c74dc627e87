"""The user's browser goes where it is sent, once, and brings the answer to whoever waits for it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.clients.authorization.browser import visit


@contextmanager
def serving(*locations: str, page: bytes = b"", status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Answer each request with a redirect to the next location, at last with 200; give the address and what came."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            where = locations[len(seen) - 1 :][:1]
            self.send_response(302 if where else status)
            for location in where:
                self.send_header("location", location)
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_the_answer_is_brought_back() -> None:
    with serving() as (client, brought), serving(f"{client}/callback?code=c&state=s") as (issuer, asked):
        assert visit(f"{issuer}/authorize?state=s") == 0
    assert asked == ["/authorize?state=s"]
    assert brought == ["/callback?code=c&state=s"]


@pytest.mark.parametrize("status", [200, 400])
def test_what_the_client_shows_at_the_end_is_told(status: int) -> None:
    with (
        serving() as (judge, told),
        serving(page=b"welcome back", status=status) as (client, _),
        serving(f"{client}/callback?code=c") as (issuer, _),
    ):
        assert visit(f"{issuer}/authorize", f"{judge}/page") == 0
    assert told == ["welcome back"]


def test_an_answer_for_another_program_is_not_followed() -> None:
    with serving("notes://callback?code=c") as (issuer, asked):
        assert visit(f"{issuer}/authorize") == 0
    assert len(asked) == 1


def test_only_web_addresses_are_opened() -> None:
    assert visit("file:///etc/passwd") == 2
