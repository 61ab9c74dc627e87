"""What `docs/security.md` says: its programs run, its policy is one, its tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from door.serve.listening import ServingOptions
from reference_impl.security.audit import AuditOptions
from reference_impl.security.audit_chain import LARGEST_LINE
from reference_impl.security.consent import Inquiry
from reference_impl.security.policy import Policy
from reference_impl.server import middleware
from reference_impl.server.threads import MOST_THREADS

PAGE = (Path(__file__).parent.parent / "docs" / "security.md").read_text("utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NOW = 1_800_000_000.0


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda text: re.findall(r"import (\w+)", text)[-1])
def test_the_programs_run(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/security.md", "exec"), {"__name__": "session"})


def test_the_policy_is_one_and_decides_as_the_page_says() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    policy = Policy.read(text.encode())

    def action(operation: str, resource: str, principal: str | None = None) -> str:
        return policy.rule(Inquiry(operation, resource, principal=principal), NOW - 86400 * 400).action

    assert action("resources/read", "files/a.txt") == "allow"
    assert action("tools/call", "files/delete_all") == "ask"
    assert action("tools/call", "shop/buy", "CN=guest7") == "deny"
    assert action("tools/call", "shop/buy", "CN=ann") == "ask"


def test_every_middleware_and_every_option_is_named() -> None:
    classes = {name for name in middleware.__all__ if name.endswith("Middleware") and name != "Middleware"}
    assert {name for name in classes if f"`{name}" in PAGE} == classes
    mine = (
        "log_calls",
        "call_rate",
        "call_burst",
        "call_timeout",
        "call_cache",
        "policy",
        "consent",
        "audit",
        "metrics",
    )
    assert set(mine) <= set(ServingOptions.__dataclass_fields__)
    assert all(f"--{name.replace('_', '-')}" in PAGE for name in (*mine, "audit_key"))


def test_the_order_is_that_of_the_table() -> None:
    listed = re.findall(r"^\| `(\w+Middleware)` \|", PAGE, re.MULTILINE)
    everything = middleware.Standard(log=True, rate=1, cache=1, timeout=1)
    assert [type(each).__name__ for each in middleware.standard(everything)] == [
        name for name in listed if name != "PermissionsMiddleware"
    ]


def test_the_numbers_are_those_of_the_code() -> None:
    assert MOST_THREADS == 64
    assert (LARGEST_LINE, AuditOptions().largest, AuditOptions().sync) == (64 * 1024, 64 * 1024 * 1024, "second")
