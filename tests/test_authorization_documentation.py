"""What `docs/authorization.md` shows works."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth.fetch import Fetcher
from reference_impl.server.auth.introspection import IntrospectionVerifier
from reference_impl.server.auth.jwt_verifier import JwtRules, JwtVerifier
from reference_impl.server.auth.keys import Freshness
from reference_impl.servers.authorization import AuthorizationServer
from tests.interop.strangers import serving

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "authorization.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def ran(snippet: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(snippet, "docs/authorization.md", "exec"), names)
    return names


def test_the_snippets_make_what_they_show() -> None:
    protected, issuer, _ = map(ran, SNIPPETS)
    assert isinstance(protected["app"], MCPApplication)
    assert isinstance(issuer["issuer"], AuthorizationServer)


@pytest.mark.parametrize(
    ("said", "default"),
    [
        ("ten minutes", Freshness().lifetime == 600),
        ("at most every 30 seconds", Freshness().cooldown == 30),
        ("five seconds or 256 KiB", (Fetcher().seconds, Fetcher().largest) == (5, 256 * 1024)),
        ("leeway (30 seconds)", JwtRules().leeway == 30),
        ("five minutes at most", JwtVerifier.cache_seconds == 300),
        ("answer for 30 seconds", IntrospectionVerifier("https://r", "https://i", "", ("", "")).cache_seconds == 30),
    ],
)
def test_the_numbers_are_those_of_the_code(said: str, default: bool) -> None:
    assert said in " ".join(PAGE.split())
    assert default


def free_ports() -> list[str]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return [str(listener.getsockname()[1]) for listener in (first, second)]


def test_a_server_that_trusts_touchstone_is_checked_with_every_token(tmp_path: Path) -> None:
    server, issuer = free_ports()
    (settings,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for name, text in (("server.py", SNIPPETS[2]), ("touchstone.toml", settings)):
        (tmp_path / name).write_text(text.replace("8080", server).replace("9000", issuer))
    command = (sys.executable, "-m", "touchstone", "check", "--only", "auth.*", "--revision", "2026-07-28", "--quiet")
    environment = {"PYTHONPATH": str(ROOT)}
    with serving((sys.executable, str(tmp_path / "server.py")), "Uvicorn running on", **environment):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    records = (tmp_path / ".touchstone" / "records.jsonl").read_text("utf-8")
    assert "eyJ" not in records  # how a token begins
    rows = map(json.loads, records.splitlines())
    outcomes = {row["check"]: row["outcome"] for row in rows if row["kind"] == "verdict"}
    assert {check for check, outcome in outcomes.items() if outcome != "passed"} == {"auth.beyond-loopback"}
    assert len(outcomes) > 20
