"""How much load the generator makes: `python -m loadtest.benchmarks.generator_capacity [SECONDS] [ROUNDS]`.

Each round runs all generators, one after the other, against the same null server; printed are medians, and ratios to
Locust's `FastHttpUser`, the fastest user that Locust brings. It checks less than ours do: the id and the marker are
looked for in the bytes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtest.run import run_load
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, Operation, StdioTarget, Target, Workload

_NULL_SERVER = [sys.executable, "-P", str(Path(__file__).resolve().parent.parent / "null_server.py")]
_USERS = 16
_BASE = "FastHttpUser"
_LOCUSTFILE = """
import itertools, json
from locust import FastHttpUser, constant, task

numbers = itertools.count(1_000_000_000)
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
HEADERS = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "echo",
           "accept": "application/json, text/event-stream"}

class Peer(FastHttpUser):
    wait_time = constant(0)

    @task
    def call(self):
        number = next(numbers)
        params = {"name": "echo", "arguments": {"text": f"hello {number}"}, "_meta": META}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        with self.client.post("/mcp", json=message, headers=HEADERS, catch_response=True) as response:
            if str(number) not in response.text:
                response.failure("foreign answer")
"""


def _planned(target: Target, revision: str, seconds: float) -> float:
    params = {"name": "echo", "arguments": {"text": "hello {n}"}}
    echo = Operation(name="echo", method="tools/call", params=params, echoes=True)
    plan = LoadPlan(
        target=target,
        revision=revision,
        workload=Workload(name="echo", operations=(echo,)),
        model=ClosedModel(users=_USERS),
        duration=seconds,
        warm_up=0.5,
        calibration=0.0,
    )
    counts = run_load(plan).overall.counts
    assert counts.failed == 0
    return counts.ok / seconds


def _fast_http_user(url: str, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "peer.py").write_text(_LOCUSTFILE)
        arguments = ["-f", f"{folder}/peer.py", "--host", url.removesuffix("/mcp"), "-t", f"{seconds:.0f}s"]
        users = ["-u", str(_USERS), "-r", str(_USERS)]
        command = [sys.executable, "-m", "locust", "--headless", "--json", "--skip-log", *arguments, *users]
        done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own command
    (row,) = json.loads(done.stdout)
    assert row["num_failures"] == 0
    return float(row["num_requests"] / (row["last_request_timestamp"] - row["start_time"]))


@contextmanager
def _null_server() -> Iterator[str]:
    with subprocess.Popen(_NULL_SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:  # noqa: S603 - our own
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/mcp"
        server.stdin.close()


def main() -> None:
    """Run the rounds and print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with _null_server() as url:
        http, stdio = HttpTarget(url=url), StdioTarget(argv=(*_NULL_SERVER, "--stdio"))
        cases: dict[str, Callable[[], float]] = {
            _BASE: lambda: _fast_http_user(url, seconds),
            "McpHttpUser 2026-07-28": lambda: _planned(http, "2026-07-28", seconds),
            "McpHttpUser 2025-11-25": lambda: _planned(http, "2025-11-25", seconds),
            "McpStdioUser 2026-07-28": lambda: _planned(stdio, "2026-07-28", seconds),
        }
        rates: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, case in cases.items():
                rates[name].append(case())
    table = Table("generator", "calls/s (median)", "range", f"x {_BASE}")
    base = statistics.median(rates[_BASE])
    for name, seen in rates.items():
        median = statistics.median(seen)
        table.add_row(name, f"{median:,.0f}", f"{min(seen):,.0f}..{max(seen):,.0f}", f"{median / base:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
