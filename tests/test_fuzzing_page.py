"""What `docs/fuzzing.md` says: its session runs and shows what the page shows, its tables name what there is."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.properties.every import PROPERTIES
from conformance.properties.ways import WAYS
from door.errors import Exit
from reports.records import read

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "fuzzing.md").read_text("utf-8")
DEADLINE = 120


def _run(folder: Path, *words: str) -> tuple[int, str]:
    """Run a command in a folder; return its exit code and all that it said, white space made one."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def _session() -> list[tuple[list[str], list[str]]]:
    """Each command of the page's session with the lines that it shows."""
    (block,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    parts = [part.splitlines() for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [(shlex.split(command), shown) for command, *shown in parts]


def test_the_session_shows_what_the_page_shows_and_its_script_runs(tmp_path: Path) -> None:
    for command, shown in _session():
        words = [sys.executable if word == "python" else word for word in command[1:]]
        code, said = _run(tmp_path, "-m", command[0], *words)
        assert code == Exit.FAILED, said
        missing = [line for line in shown if line != "…" and " ".join(line.split()) not in said]
        assert missing == [], said
    (finding,) = [each for each in read(tmp_path / ".touchstone" / "records.jsonl").findings if each.script]
    (tmp_path / "failure.py").write_text(finding.script, "utf-8")
    code, said = _run(tmp_path, "failure.py")
    assert code == 0, said
    assert "embedded null byte" in said


def _table(heading: str) -> list[str]:
    """The names in the first column of the first table below a heading."""
    below = PAGE[PAGE.index(heading) :]
    table = re.search(r"(^\|.*\n)+", below, re.MULTILINE)
    assert table
    return re.findall(r"^\| `?([^|`]+?)`? \|", table[0], re.MULTILINE)[1:]


def test_the_tables_name_every_property_way_and_exit_code() -> None:
    assert set(_table("## What is tried")) - {"---"} == {item.id for item in PROPERTIES}
    assert set(re.findall(r"^\| `([^`.]+)` \| ", PAGE[: PAGE.index("## What a finding is")], re.MULTILINE)) == set(WAYS)
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == set(map(int, Exit))


@pytest.mark.parametrize("name", ["found", "examples", "seconds", "exhausted", "deadline", "lost", "interrupted"])
def test_the_page_and_the_records_say_the_same_of_what_ends_a_search(name: str) -> None:
    schema = (ROOT / "reports" / "records.schema.json").read_text("utf-8")
    assert f"`{name}`" in PAGE
    assert f"`{name}`" in schema
