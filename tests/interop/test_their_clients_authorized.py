"""Strangers' clients before our protected servers: no violation is found in them that is not one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision
from reports.records import read
from tests.interop.strangers import ROOT, Strangers

pytestmark = pytest.mark.timeout(400)  # the first test may have to install a stranger

DEADLINE = 300.0
NO_PKCE_ASKED_FOR = {"client.auth-pkce-absent", "client.auth-pkce-absent-openid"}
"""No SDK stops where the metadata lack code_challenge_methods_supported: those in Python never read it, those in
TypeScript take its absence for consent."""
BEARER_FIRST = {"client.auth-challenge-read"}
"""The TypeScript SDKs read a challenge only if Bearer is the first word of the header; where a server offers Basic too
they build the address of the metadata themselves, against `#protected-resource-metadata-discovery-requirements`."""
KNOWN: dict[tuple[str, Revision], set[str]] = {
    # The URL class of Pydantic adds a slash to an origin, and so it goes into `resource`.
    ("mcp1", LATEST_LEGACY): {*NO_PKCE_ASKED_FOR, "client.auth-resource-slash"},
    ("mcp2", LATEST): NO_PKCE_ASKED_FOR,
    # It redeems its refresh token where the scope does not suffice, gets the same scope, and gives up.
    ("ts1", LATEST_LEGACY): {*NO_PKCE_ASKED_FOR, *BEARER_FIRST, "client.auth-step-up"},
    ("ts2", LATEST): {*NO_PKCE_ASKED_FOR, *BEARER_FIRST},
    # It infers no transport from a scheme in capitals, and its page shows the error of a response before anybody has
    # looked whose response it is.
    ("fastmcp", LATEST): {*NO_PKCE_ASKED_FOR, "client.auth-capitals", "client.auth-response-error"},
}


def command(strangers: Strangers, name: str) -> tuple[str, ...]:
    if name.startswith("ts"):
        return (*strangers.node(name, "authorizes_ts.mjs"), name[-1])
    return strangers.python(name, "authorizes_fastmcp.py" if name == "fastmcp" else "authorizes.py")


SLOW = "fastmcp"
"""It takes seconds to start, and is started for each scenario."""


@pytest.mark.parametrize(
    ("name", "revision"),
    [pytest.param(*key, marks=[pytest.mark.exhaustive] if key[0] == SLOW else []) for key in KNOWN],
    ids=lambda value: getattr(value, "name", value),
)
def test_nothing_is_found_in_how_a_stranger_authorizes_itself_that_is_not_so(
    strangers: Strangers, tmp_path: Path, name: str, revision: Revision
) -> None:
    records = tmp_path / "records.jsonl"
    words = [sys.executable, "-m", "touchstone", "client", "--quiet", "--records", str(records)]
    words += ["--revision", revision.name, "--only", "client.auth-*"]
    done = subprocess.run(
        [*words, "--", *command(strangers, name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    rows = read(records).verdicts
    assert {row.check for row in rows if row.outcome in ("failed", "broken")} == KNOWN[name, revision]
    assert {row.outcome for row in rows if row.check in ("client.auth-conformant", "client.auth-state")} == {"passed"}
