"""Strangers' clients get tokens from our authorization server, use them at our protected server, and widen them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.interop.strangers import ROOT, Strangers, serving

pytestmark = pytest.mark.timeout(300)  # the first test may have to install a stranger


def reported(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["mcp1", "mcp2", "ts1", "ts2"])
def test_a_stranger_gets_a_token_and_a_wider_one_when_it_needs_more(strangers: Strangers, name: str) -> None:
    if name.startswith("ts"):
        command = (*strangers.node(name, "authorized_ts.mjs"), name[-1])
    else:
        command = strangers.python(name, "authorized.py")
    with serving((sys.executable, "-m", "tests.interop.guarded")) as url:
        done = subprocess.run((*command, url), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    report = reported(done)
    assert report["said"] == ["demo bearer", "written", "demo bearer"]
    first, wider = (set(scopes.split()) - {"offline_access"} for scopes in report["asked"])
    assert (first, wider) == ({"mcp"}, {"mcp", "files:write"})


def test_a_stranger_shows_that_it_holds_the_key_of_its_token(strangers: Strangers) -> None:
    command = (*strangers.node("ts2", "authorized_ts.mjs"), "2")
    with serving((sys.executable, "-m", "tests.interop.guarded", "--dpop")) as url:
        words = (*command, url, "dpop")
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert reported(done)["said"] == ["demo bound", "written", "demo bound"]
