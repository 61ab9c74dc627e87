"""Strangers' clients before our scripted servers: no violation is found in them that is not one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reports.records import read
from tests.interop.strangers import ROOT, Strangers

pytestmark = pytest.mark.timeout(600)  # the first test may have to install a stranger

DEADLINE = 500.0
FOUND = {
    "client.batch": "no SDK takes a batch any more, also where it has agreed on the revision that has them",
    "client.roots-undeclared": "roots/list gets -32600 where no roots are declared; -32601 is asked for",
    "client.dialect-unknown": "a schema in a dialect that nobody knows is read as one of 2020-12",
    "client.dialect-default": "prefixItems is not looked at: Ajv as the SDK sets it up reads draft-07",
    "client.cache-absent": "the model of the result demands ttlMs, and the client dies where it is missing",
    "client.cache-negative": "the model of the result demands that ttlMs is not negative, and the client dies",
    "client.result-type-unknown": "tools of a list with resultType touchstone/none are called",
    "client.schema-bounds": "validation by a schema that explodes takes longer than anybody waits",
    "client.odd-tool": "the model of a list of tools demands type object of each inputSchema, or there is no list",
    "client.cursor-circle": "who goes through the pages by hand, as these SDKs have it, has to look out for circles",
}
"""What is wrong with a stranger, with the reason that the transcript gives."""
EVERYONE = {"client.batch"}
KNOWN = {
    "mcp1": EVERYONE | {"client.roots-undeclared", "client.dialect-unknown", "client.cursor-circle"},
    "mcp2": EVERYONE
    | {
        "client.roots-undeclared",
        "client.dialect-unknown",
        "client.cache-absent",
        "client.result-type-unknown",
        "client.schema-bounds",
        "client.odd-tool",
        "client.cursor-circle",
    },
    "ts1": EVERYONE | {"client.dialect-default", "client.dialect-unknown", "client.odd-tool", "client.cursor-circle"},
    "ts2": EVERYONE | {"client.cache-negative", "client.schema-bounds", "client.odd-tool"},
}


def command(strangers: Strangers, name: str, transport: str) -> tuple[str, ...]:
    if name.startswith("ts"):
        return (*strangers.node(name, "look_ts.mjs"), name[-1], transport)
    return (*strangers.python(name, f"look_{name}.py"), transport)


@pytest.mark.parametrize(
    ("name", "transport"),
    [
        ("mcp1", "http"),
        pytest.param("mcp2", "stdio", marks=pytest.mark.exhaustive),
        ("ts1", "stdio"),
        ("ts2", "http"),
    ],
)
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
    assert done.returncode in (0, 1), done.stdout + done.stderr
    rows = read(records).verdicts
    found = {row.check: row.actual or row.summary for row in rows if row.outcome in ("failed", "broken")}
    assert set(found) == KNOWN[name], found
    assert set(found) <= set(FOUND)
    assert {row.outcome for row in rows if row.check == "client.ping"} == {"passed"}
