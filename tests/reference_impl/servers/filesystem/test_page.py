"""The page about the filesystem server says what it does, and its command refuses what it cannot serve."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from reference_impl.servers.filesystem import Limits, make_server
from tests.reference_impl.servers.filesystem.world import project
from tests.reference_impl.servers.pages import ROOT, blocks, printed

NAME = "servers/filesystem.md"
PAGE = (ROOT / "docs" / NAME).read_text("utf-8")


def test_the_session_prints_what_the_page_shows(tmp_path: Path) -> None:
    project(tmp_path)
    assert printed(blocks(NAME, "python")[0], tmp_path) == blocks(NAME, "text")[0]


def test_the_page_names_every_tool_and_prompt(tmp_path: Path) -> None:
    server = make_server([tmp_path], write=True)
    assert [name for name in (*server.tools, *server.prompts) if f"`{name}`" not in PAGE] == []


def test_the_page_has_the_limits_of_the_code() -> None:
    stated = {name: float(number) for name, number in re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE)}
    assert stated == {field.name: field.default for field in fields(Limits)}


def test_the_entry_for_hosts_starts_what_the_page_starts() -> None:
    entry = json.loads(blocks(NAME, "json")[0])["mcpServers"]["files"]
    assert [entry["command"], *entry["args"]] == [*shlex.split(blocks(NAME, "sh")[0]), "--write"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--transport", "http"], "name at least one directory"),
        (["nowhere"], "'nowhere' is no directory that can be used"),
        ([".", "--limit", "size=3"], "give a whole number to one of at_once"),
        ([".", "--limit", "seconds=0"], "give a whole number"),
    ],
)
def test_what_cannot_be_served_is_refused_with_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "touchstone", "serve", "filesystem", *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False, text=True, timeout=60
    )
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
