"""What `touchstone serve` puts around every call, and `touchstone audit` on what came of it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from door.audit import show_audit
from door.errors import Refusal
from door.serve.guarding import guarded
from door.serve.listening import LogForm, ServingOptions, Transport
from reference_impl.client import StdioCommand, connect
from reference_impl.metrics import ServerMetrics
from reference_impl.security.audit import AuditLog, verify
from reference_impl.servers.everything import make_server

RULES = """
[[rule]]
action = "allow"
operation = "tools/call"
resource = "echo"
"""


def names(options: ServingOptions) -> list[str]:
    server = make_server()
    with guarded(server, options):
        return [type(each).__name__ for each in server.middleware]


def test_nothing_stands_around_calls_that_nobody_wants() -> None:
    assert names(ServingOptions()) == []


def test_each_option_puts_its_own_there(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(RULES, "utf-8")
    everything = ServingOptions(
        log_calls=LogForm.json, call_rate=5, call_timeout=5, call_cache=5, policy=policy, audit=tmp_path / "audit.jsonl"
    )
    assert names(everything) == [
        "LoggingMiddleware",
        "RateLimitingMiddleware",
        "PermissionsMiddleware",
        "CachingMiddleware",
        "TimeoutMiddleware",
    ]
    assert names(ServingOptions(consent=True)) == ["PermissionsMiddleware"]
    assert not logging.getLogger("reference_impl").handlers


def test_metrics_are_kept_where_they_can_be_seen() -> None:
    server = make_server()
    with guarded(server, ServingOptions(metrics=True, transport=Transport.http)):
        assert isinstance(server.metrics, ServerMetrics)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ServingOptions(call_rate=0), "--call-rate must be more than 0"),
        (ServingOptions(call_timeout=float("nan")), "--call-timeout must be more than 0"),
        (ServingOptions(call_burst=5), "--call-burst needs --call-rate"),
        (ServingOptions(audit_key=Path("key")), "--audit-key needs --audit"),
        (ServingOptions(metrics=True), "--metrics shows a page over HTTP"),
        (ServingOptions(policy=Path("none.toml")), "none.toml: no such file or directory"),
        (ServingOptions(audit=Path("missing/audit.jsonl")), "cannot be written: no such file or directory"),
        (ServingOptions(audit=Path("a.jsonl"), audit_key=Path("none.key")), "none.key: no such file or directory"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(options: ServingOptions, said: str) -> None:
    with pytest.raises(Refusal, match=said), guarded(make_server(), options):
        pass


def test_secrets_of_the_environment_are_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_TOKEN", "s3cret-token")
    server = make_server()
    with guarded(server, ServingOptions()):
        assert server.secrets.text("with s3cret-token") == "with [redacted]"


def test_a_process_keeps_to_its_rules_and_writes_down_what_it_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, audit, key = tmp_path / "policy.toml", tmp_path / "audit.jsonl", tmp_path / "key"
    policy.write_text(RULES, "utf-8")
    key.touch(0o600)
    key.write_text("a secret of enough bytes", "utf-8")
    options = ("--policy", str(policy), "--audit", str(audit), "--audit-key", str(key), "--log-calls", "json")
    command = (sys.executable, "-m", "touchstone", "serve", "everything", *options)
    done = anyio.run(_called, command, tmp_path / "stderr")
    assert done == [False, True]
    lines = [json.loads(line) for line in (tmp_path / "stderr").read_text("utf-8").splitlines()]
    assert [(line["name"], line["outcome"]) for line in lines if "outcome" in line] == [
        ("echo", "done"),
        ("add", "failed"),
    ]
    assert show_audit(audit, None, None, None, verifies=False, as_json=False) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split("Z  ")[1] for line in shown] == [
        "allowed tools/call echo  (rule 1 of the policy)",
        "denied  tools/call add  (no rule fits)",
    ]
    assert show_audit(audit, None, key, None, verifies=True, as_json=False) == 0
    assert "whole: 2 entries, 1 to 2" in capsys.readouterr().out


async def _called(command: tuple[str, ...], errors: Path) -> list[bool]:
    shell = ("sh", "-c", 'exec "$@" 2>"$0"', str(errors), *command)
    with anyio.fail_after(60):
        async with connect(StdioCommand(shell, dict(os.environ))) as client:
            echo = await client.call_tool("echo", {"text": "hi"})
            add = await client.call_tool("add", {"a": 1, "b": 2})
            return [result.get("isError", False) for result in (echo, add)]


def test_tampering_is_told_with_an_exit_code_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path) as log:
        log.append({"operation": "o", "resource": "r\x1b[2J", "granted": False, "principal": "ann"})
        log.append({"event": "revoked", "operation": "o"})
    show_audit(path, "7d", None, None, verifies=False, as_json=False)
    first, second = capsys.readouterr().out.splitlines()
    assert "denied  o r\\u001b[2J  for ann" in first
    assert "event=revoked operation=o" in second
    show_audit(path, "2100-01-01", None, None, verifies=False, as_json=True)
    assert capsys.readouterr().out == ""
    path.write_bytes(path.read_bytes().replace(b'"granted":false', b'"granted":true '))
    assert show_audit(path, None, None, None, verifies=True, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["problems"] == [
        "audit.jsonl:1: entry 1 was changed, or the key is another"
    ]
    assert not verify(path).whole


@pytest.mark.parametrize(
    ("since", "key", "verifies", "said"),
    [
        ("yesterday", None, False, "--since takes a date"),
        (None, Path("k"), False, "--key and --known are for --verify"),
        ("7d", None, True, "--since is for showing"),
        ("0001-01-01", None, False, "--since takes a date"),
        (None, None, True, "no such file or directory"),
    ],
)
def test_what_cannot_be_shown_is_refused(since: str | None, key: Path | None, verifies: bool, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        show_audit(Path("missing.jsonl"), since, key, None, verifies=verifies, as_json=False)


def test_all_entries_are_shown_whatever_somebody_has_written_among_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "audit.jsonl"
    forged = b'{"sequence":1,"timestamp":%s,"previous":"","operation":"o","granted":true,"hash":""}\n'
    path.write_bytes(
        b"".join(forged % at for at in (b"1e300", b"-1e300", b"1e16", b"not JSON")) + forged % b"7" * 11_000
    )
    show_audit(path, None, None, None, verifies=False, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), len({len(line) for line in lines})) == (11_003, 1)


def test_the_command_is_there(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "audit.jsonl") as log:
        log.append({"operation": "o", "resource": "r", "granted": True})
    command = [sys.executable, "-m", "touchstone", "audit", "audit.jsonl", "--verify"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "whole: 1 entry, 1 to 1")
