"""Strangers' clients before our scripted servers: no violation is found in them that is not one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reports.records import read
from tests.interop.strangers import ROOT, Strangers

pytestmark = pytest.mark.timeout(300)  # the first test may have to install a stranger

DEADLINE = 200.0
WRONG_CODE = {"client.roots-undeclared"}
"""The Python SDKs answer roots/list with -32600 where they declare no roots; the specification asks for -32601."""
KNOWN = {"mcp1": WRONG_CODE, "mcp2": WRONG_CODE, "ts1": set(), "ts2": set()}


def command(strangers: Strangers, name: str, transport: str) -> tuple[str, ...]:
    if name.startswith("ts"):
        return (*strangers.node(name, "look_ts.mjs"), name[-1], transport)
    return (*strangers.python(name, f"look_{name}.py"), transport)


@pytest.mark.parametrize("transport", ["http", "stdio"])
@pytest.mark.parametrize("name", KNOWN)
def test_nothing_is_found_in_a_strangers_client_that_is_not_so(
    strangers: Strangers, tmp_path: Path, name: str, transport: str
) -> None:
    records = tmp_path / "records.jsonl"
    words = [sys.executable, "-m", "touchstone", "client", "--quiet", "--records", str(records)]
    words += ["--stdio"] if transport == "stdio" else []
    client = command(strangers, name, transport)
    done = subprocess.run(
        [*words, "--", *client], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = read(records).verdicts
    assert {row.check for row in rows if row.outcome in ("failed", "broken")} == KNOWN[name]
    assert {row.outcome for row in rows if row.check == "client.ping"} == {"passed"}
