"""A server with a URL that is ours to start: it runs while it is spoken to, and nothing of it is left behind."""

from __future__ import annotations

import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from door.config import read_settings
from door.errors import Exit, Refusal
from door.starting import Start

# A parent that prints its child's id and serves in it: a launcher such as npx does the same.
_SERVER = """
import http.server, subprocess, sys, os
if len(sys.argv) > 2:
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
child = subprocess.Popen([sys.executable, "-c", os.environ["CODE"], sys.argv[1], "child"])
print(child.pid, os.environ.get("GREETING"), flush=True)
child.wait()
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def _free_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


def _start(port: int, code: str = _SERVER) -> Start:
    env = {"CODE": code, "GREETING": "hello"}
    return Start((sys.executable, "-c", code, str(port)), f"http://127.0.0.1:{port}/mcp", env)


def test_it_answers_inside_the_block_and_all_of_it_is_gone_after(tmp_path: Path) -> None:
    with _free_port() as port:
        pass
    log = tmp_path / "deep" / "server.log"
    with _start(port).running(log):
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).status == 200
        pid, greeting = log.read_text().split()[:2]
        assert greeting == "hello"
        child = psutil.Process(int(pid))
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_one_that_ends_at_once_is_told_with_its_last_words() -> None:
    with _free_port() as port:
        pass
    started = _start(port, "raise SystemExit('no such database')")
    last_words = r"exit code 1 before it answered.*no such database"
    with pytest.raises(Refusal, match=last_words) as refused, started.running():
        pass
    assert refused.value.code == Exit.UNREACHABLE


def test_its_log_keeps_no_secret_that_it_was_given(tmp_path: Path) -> None:
    with _free_port() as port:
        pass
    log = tmp_path / "server.log"
    started = replace(_start(port, "raise SystemExit('the key is s3cret-value\\xff')"), secrets=("s3cret-value",))
    with pytest.raises(Refusal), started.running(log):
        pass
    assert log.read_text("utf-8").strip() == "the key is [redacted]\u00ff"
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]


def test_one_that_never_answers_is_stopped_when_patience_ends() -> None:
    with _free_port() as port:
        pass
    started = _start(port, "import time; time.sleep(600)")
    with pytest.raises(Refusal, match=r"does not answer .* after 0\.3 s"), started.running(patience=0.3):
        pass


def test_nothing_is_started_where_something_answers_already() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = _start(listener.getsockname()[1], "raise SystemExit('was started')")
        with pytest.raises(Refusal, match="already"), started.running():
            pass


def test_a_program_that_is_not_there_is_refused() -> None:
    with _free_port() as port:
        pass
    with (
        pytest.raises(Refusal, match="no such file") as refused,
        Start(("./nothing",), f"http://127.0.0.1:{port}").running(),
    ):
        pass
    assert refused.value.code == Exit.UNREACHABLE


def test_the_command_line_and_the_file_say_what_serves_a_url() -> None:
    url = "http://127.0.0.1:3000/mcp"
    assert read_settings([url], start="node 'my server.js'").start == Start(("node", "my server.js"), url)
    Path("touchstone.toml").write_text(
        f'[target]\nurl = "{url}"\nstart = ["node", "x"]\nenv = {{ A = "1" }}\ncwd = "s"\n'
    )
    assert read_settings([]).start == Start(("node", "x"), url, {"A": "1"}, "s")
    assert read_settings(["http://127.0.0.1:4000/mcp"]).start is None


def test_a_command_is_not_started_twice() -> None:
    with pytest.raises(Refusal, match="--start goes with a URL"):
        read_settings(["--", "node"][1:], start="node server.js")


def test_quotes_that_do_not_close_are_refused_in_a_line() -> None:
    with pytest.raises(Refusal, match="--start: no closing quotation"):
        read_settings(["http://127.0.0.1:3000/mcp"], start="node 'x")


# It leaves its session, as a daemon does, and does not listen before its parent is gone.
_DAEMON = """
import http.server, os, subprocess, sys, time
if len(sys.argv) > 2:
    while os.getppid() == int(sys.argv[2]):
        time.sleep(0.01)
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
command = [sys.executable, "-c", os.environ["CODE"], sys.argv[1], str(os.getpid())]
print(subprocess.Popen(command, start_new_session=True).pid, flush=True)
"""


def test_a_command_that_goes_into_the_background_is_refused_for_it_could_not_be_stopped(tmp_path: Path) -> None:
    with _free_port() as port:
        pass
    log = tmp_path / "server.log"
    try:
        with pytest.raises(Refusal, match="it still runs there: give a command that stays in the foreground"):
            _start(port, _DAEMON).running(log).__enter__()
    finally:
        psutil.Process(int(log.read_text().split()[0])).kill()
