"""The locustfiles of docs/locust.md under Locust's own command: headless, in several processes, and with its page."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import loadtest

ROOT = Path(loadtest.__file__).parent.parent
PAGE = ROOT / "docs" / "locust.md"
FILES = re.findall(r"```python locustfile\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
}
PATIENCE = 120
ENOUGH = """

import gevent
from locust import events


@events.init.add_listener
def end_when_all_was_called(environment, **_):
    wanted, seen = set({wanted!r}), set()

    def saw(names):
        seen.update(names)
        if wanted <= seen:
            gevent.spawn(environment.runner.quit)

    if type(environment.runner).__name__ != "WorkerRunner":
        environment.events.request.add_listener(lambda name, **_: saw([name]))
        environment.events.worker_report.add_listener(
            lambda data, **_: saw([each["name"] for each in data["stats"]])
        )
"""
"""No clock decides when a run has seen enough."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    command = [sys.executable, "-m", "touchstone", "serve", "everything", "--transport", "http", "--port", "0"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://\S+/mcp", line)))
        finally:
            server.kill()


def locust(folder: Path, number: int, wanted: set[str], *arguments: str) -> list[str]:
    end = ENOUGH.format(wanted=sorted(wanted)) if wanted else ""
    (folder / "locustfile.py").write_text(FILES[number] + end)
    return [sys.executable, "-m", "locust", "-f", str(folder / "locustfile.py"), *arguments]


def rows_of(folder: Path, number: int, wanted: set[str], *arguments: str) -> set[str]:
    """Run a locustfile until all that is wanted has been called; return the names that were."""
    how = ["--headless", "--skip-log", "--json", "-t", f"{PATIENCE}s", *arguments]
    command = locust(folder, number, wanted, *how)
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=2 * PATIENCE, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    rows = list(documents(done.stdout.decode()))
    assert {row["method"] for row in rows} == {"MCP"}
    assert [row["name"] for row in rows if row["num_failures"]] == []
    return {row["name"] for row in rows}


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of all processes: each writes a list of its own, the workers an empty one."""
    while text := text.strip():
        rows, end = json.JSONDecoder().raw_decode(text)
        yield from rows
        text = text[end:]


CALLS = {"tools/list", "tools/call echo", "checked"}
REST = {"resources/list", "resources/read", "tools/call fail"}


def test_tasks_call_list_and_read_and_judge_what_comes_back(host: str, tmp_path: Path) -> None:
    users = ("-u", "4", "-r", "4", "--csv", str(tmp_path / "table"))
    assert rows_of(tmp_path, 0, CALLS | REST, "--host", host, *users) == CALLS | REST
    assert (tmp_path / "table_stats.csv").read_text().startswith("Type,Name,")


def test_tags_choose_tasks(host: str, tmp_path: Path) -> None:
    assert rows_of(tmp_path, 0, CALLS, "--host", host, "-u", "4", "-r", "4", "--tags", "calls") == CALLS


def test_operations_are_sent_by_several_processes(host: str, tmp_path: Path) -> None:
    names = {"list", "echo"}
    assert rows_of(tmp_path, 1, names, "--host", host, "-u", "2", "-r", "2", "--processes", "2") == names


def test_users_may_start_the_server_themselves(tmp_path: Path) -> None:
    names = {"tools/call echo"}
    assert rows_of(tmp_path, 2, names, "-u", "2", "-r", "2") == names


@contextlib.contextmanager
def page_of(folder: Path, host: str) -> Iterator[str]:
    """Run Locust with its web page; give its address, which it logs."""
    command = locust(folder, 0, set(), "--host", host, "-u", "2", "-r", "2", "--autostart")
    command += ["--web-host", "127.0.0.1", "--web-port", "0"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield f"http://127.0.0.1:{_port(process.pid)}"
        finally:
            process.kill()
            process.communicate()


def _port(pid: int) -> int:
    import psutil

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for item in psutil.Process(pid).net_connections("tcp"):
            if item.status == psutil.CONN_LISTEN:
                return int(item.laddr[1])
        time.sleep(0.1)
    raise AssertionError("Locust listens nowhere")


def test_the_page_shows_the_operations(host: str, tmp_path: Path) -> None:
    with page_of(tmp_path, host) as address:
        deadline = time.monotonic() + PATIENCE
        seen: set[tuple[str, str]] = set()
        while ("MCP", "tools/call echo") not in seen and time.monotonic() < deadline:
            with urllib.request.urlopen(f"{address}/stats/requests", timeout=PATIENCE) as answer:
                seen = {(row["method"], row["name"]) for row in json.load(answer)["stats"]}
            time.sleep(0.1)
    assert ("MCP", "tools/call echo") in seen
