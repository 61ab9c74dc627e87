"""Strangers' protected servers, which trust an issuer of ours: what is found at their gates, each verified by hand.

- SDK 1.x and 2.x for Python challenge without the scopes that their metadata name, also for want of those; their list
  of hosts knows `localhost` and not `LOCALHOST`.
- FastMCP answers HTTP 401 `invalid_token` to a good token with too few scopes.
- The SDKs for TypeScript do all of it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from conformance.runner import Plan, run_checks
from conformance.target import HttpTarget
from door.issuing import Issuer, Wanted
from reports.records import Verdict
from tests.interop.strangers import Strangers, serving

pytestmark = pytest.mark.timeout(300)  # the first test may have to install a stranger

_PYTHON = {"auth.challenge-scope": "SHOULD", "auth.narrow-challenge": "SHOULD", "auth.capitals": "SHOULD"}
FOUND = {
    "mcp1": _PYTHON,
    "mcp2": _PYTHON,
    "fastmcp": {"auth.narrow-token": "SHOULD"},
    "ts1": {},
    "ts2": {},
}


@contextmanager
def trusting(strangers: Strangers, name: str, key: Path) -> Iterator[HttpTarget]:
    """A stranger that trusts our issuer, as a target with all tokens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    script = f"trusting_{name.rstrip('12') if name.startswith('mcp') else name}"
    ts = name.startswith("ts")
    command = strangers.node(name, f"{script}.mjs") if ts else strangers.python(name, f"{script}.py")
    with serving((*command, address)) as url, Issuer(Wanted(address, url, ("mcp",), key)) as issuer:
        yield HttpTarget(url, identities=issuer.identities()).bearing(issuer.good())


@pytest.mark.parametrize("name", sorted(FOUND))
def test_what_is_wrong_with_a_stranger_s_gate_is_found_and_nothing_else(
    strangers: Strangers, tmp_path: Path, name: str
) -> None:
    verdicts: list[Verdict] = []
    with trusting(strangers, name, tmp_path / "key.json") as target:
        anyio.run(run_checks, Plan(target, verdicts.append, only=("auth.*",)))
    wrong = {item.check: item.level for item in verdicts if item.outcome in ("failed", "broken")}
    assert wrong == FOUND[name], {item.check: item.actual for item in verdicts if item.check in wrong}
    passed = {item.check for item in verdicts if item.outcome == "passed"}
    assert {"auth.unauthorized", "auth.foreign-token", "auth.expired-token", "auth.metadata-followed"} <= passed
