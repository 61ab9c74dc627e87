"""Four servers of four kinds behind one host: one is killed in the middle, and the log says who was allowed what."""

import json
import signal
import subprocess
import sys

import anyio
import psutil
import pytest

from reference_impl.client import RetryPolicy
from reference_impl.client.manager import ManagerOptions
from reference_impl.host import FixedPlanner, Host, HostOptions, Plan, Step, read_configuration
from reference_impl.security.audit import AuditLog, verify
from reference_impl.security.permissions import PermissionManager
from reference_impl.security.policy import Policy
from tests.reference_impl.client.manager_servers import until

pytestmark = pytest.mark.anyio

POLICY = b"""
default = "deny"

[[rule]]
action = "allow"
operation = "tools/call"
resource = "files/write_file"
sensitive = true

[[rule]]                       # of all else only what reads
action = "allow"
operation = "tools/call"
resource = "*"
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def folder(tmp_path):
    """A folder of notes that is a repository, too, and the `mcp.json` of its servers beside it."""
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "todo.txt").write_text("buy milk\n", "utf-8")
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "Remember the milk"]):
        subprocess.run(["git", "-C", notes, *words], check=True, timeout=20)
    serve = {
        "files": ["filesystem", str(notes), "--write"],
        "database": ["database"],
        "git": ["git", str(notes)],
        "gateway": ["gateway"],
    }
    servers = {
        name: {"command": sys.executable, "args": ["-m", "touchstone", "serve", *words]}
        for name, words in serve.items()
    }
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": servers}), "utf-8")
    return tmp_path


def process_of(server: str) -> psutil.Process:
    (found,) = [
        process for process in psutil.Process().children() if process.cmdline()[2:5] == ["touchstone", "serve", server]
    ]
    return found


def under_way(host: Host, server: str) -> bool:
    """Whether a request to a server waits for its answer."""
    return bool(host.client.sessions[server].session._requester.caller._watched)


async def test_a_request_that_needs_three_servers_survives_the_end_of_one_of_them(folder):
    before = set(psutil.Process().children())
    audit = AuditLog(folder / "audit.jsonl")
    gate = PermissionManager(Policy.read(POLICY), audit=audit)
    frozen = []

    def told(outcome) -> None:
        if outcome.step.id == "step1":  # git stands still from here on: its next call will be under way when it dies
            frozen.append(process_of("git"))
            frozen[0].suspend()

    async def kill(host: Host) -> None:
        await until(lambda: frozen and under_way(host, "git"))
        frozen[0].send_signal(signal.SIGKILL)

    options = HostOptions(told=told, client=ManagerOptions(RetryPolicy(base=0.0)))
    with anyio.fail_after(60), audit:
        async with Host(read_configuration(folder / "mcp.json"), gate=gate, options=options) as host:
            tools = await host.initialize_system()
            assert set(tools) == {"files", "database", "git", "gateway"}
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(kill, host)
                execution = await host.execute_ai_request(
                    "read the file todo.txt, then show the last 2 commits, and run SELECT 6 * 7 AS answer"
                )
            assert [(outcome.step.server, outcome.status) for outcome in execution.outcomes] == [
                ("files", "succeeded"),
                ("git", "succeeded"),
                ("database", "succeeded"),
            ]
            for words in ("buy milk", "Remember the milk", "42"):
                assert words in execution.answer
            git = host.client.sessions["git"]
            assert (git.started, git.health_status) == (2, "healthy")
            assert "exited with status -9" in git.last_error
            assert process_of("git").pid != frozen[0].pid
            health = await host.client.health_check()
            assert {each.status for each in health.values()} == {"healthy"}

            note = Step("note", "gateway", "create_note", {"body": {"title": "x", "text": "y"}})
            copied = {"$from": "told", "path": "/structuredContent/commits/0/id", "template": "Last commit: {}\n"}
            write = Step("write", "files", "write_file", {"path": "last.txt", "content": copied})
            read = Step("told", "git", "git_log", {"limit": 1})
            execution = await host.execute_ai_request("", FixedPlanner(Plan((note, read, write))))
            assert [outcome.status for outcome in execution.outcomes] == ["denied", "succeeded", "succeeded"]
            assert (folder / "notes" / "last.txt").read_text("utf-8").startswith("Last commit: ")
        entries = audit.entries()
    assert {(entry["resource"], entry["granted"]) for entry in entries[:3]} == {
        ("files/read_text_file", True),
        ("git/git_log", True),
        ("database/execute_query", True),
    }
    assert {(entry["resource"], entry["granted"]) for entry in entries[3:]} == {
        ("gateway/create_note", False),
        ("git/git_log", True),
        ("files/write_file", True),
    }
    assert verify(folder / "audit.jsonl").whole
    assert set(psutil.Process().children()) <= before
