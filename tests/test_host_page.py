"""`docs/host.md` is done as it says: its files are written down, its commands run, and what they print is compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from reference_impl.host.configuration import _Entry
from reference_impl.security.audit import verify
from tests.reference_impl.servers.pages import ROOT, blocks, printed

PAGE = "host.md"
TIMES = re.compile(r"\d+ ms|\d+\.\d+ s")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the session, with all its files."""
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "todo.txt").write_text("buy milk\ncall Ada\n", "utf-8")
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "Remember the milk"]):
        subprocess.run(["git", "-C", notes, *words], check=True, timeout=20)
    servers, plan = blocks(PAGE, "json")
    served = servers.replace('"touchstone", "args": [', f'"{sys.executable}", "args": ["-m", "touchstone", ')
    for name, text in {"mcp.json": served, "plan.json": plan, "policy.toml": blocks(PAGE, "toml")[0]}.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_the_session_prints_what_the_page_shows(folder: Path) -> None:
    for block in blocks(PAGE, "console"):
        command, _, shown = block.partition("\n")
        words = shlex.split(command.removeprefix("$ touchstone "))
        done = subprocess.run(
            [sys.executable, "-m", "touchstone", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )
        pattern = re.escape(TIMES.sub("TIME", shown)).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, TIMES.sub("TIME", done.stdout), re.DOTALL), done.stdout + done.stderr
    assert (folder / "notes" / "last.txt").read_text("utf-8") == "Last: Remember the milk\n"
    verification = verify(folder / "audit.jsonl")
    assert (verification.entries, verification.whole) == (6, True)


def test_the_program_of_the_page_runs(folder: Path) -> None:
    assert printed(blocks(PAGE, "python")[0], folder) == "buy milk\ncall Ada\n"


def test_the_table_names_every_member_of_an_entry() -> None:
    page = (ROOT / "docs" / PAGE).read_text("utf-8")
    for name in _Entry.__struct_encode_fields__:
        assert f"`{name}`" in page or f'"{name}"' in page or name == "transport", name
