"""The reference server as a target of its own."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import psutil
import pytest

from door.embedded import EmbeddedServer


def test_the_embedded_server_listens_for_the_time_of_a_block_and_no_longer() -> None:
    with EmbeddedServer() as server:
        parts = urlsplit(server.target.url)
        assert parts.path == "/mcp"
        pid = server.pid
        socket.create_connection((str(parts.hostname), int(parts.port or 0)), 5).close()
    assert not psutil.pid_exists(pid)


def test_it_is_gone_after_an_error_too() -> None:
    pids: list[int] = []

    def use() -> None:
        with EmbeddedServer() as server:
            pids.append(server.pid)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert not psutil.pid_exists(pids[0])
