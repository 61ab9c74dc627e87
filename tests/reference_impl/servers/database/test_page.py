"""The session of `docs/servers/database.md` goes as the page says, and its numbers are those of the code."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

import touchstone
from reference_impl.servers.database import DatabaseSettings, make_server, safety, sqlite_guard, sqlite_worker
from reference_impl.servers.database import postgres as postgres_engine
from tests.reference_impl.servers.pages import ROOT, blocks, printed

PAGE = "servers/database.md"
TEXT = (ROOT / "docs" / PAGE).read_text("utf-8")
LINES = [shlex.split(re.sub(r"\s+#.*", "", line))[2:] for line in blocks(PAGE, "sh")[0].splitlines()]


def test_the_session_prints_what_the_page_shows(tmp_path: Path) -> None:
    assert printed(blocks(PAGE, "python")[0], tmp_path) == blocks(PAGE, "text")[0]


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_the_command_lines_parse(words: list[str]) -> None:
    group: Any = typer.main.get_command(touchstone.app)
    command = group.commands["serve"].commands[words[0]]
    assert command.make_context(words[0], words[1:]).params["url"] == (words[1] if len(words) > 1 else None)


def test_the_entry_for_hosts_is_one_of_the_commands() -> None:
    entry = json.loads(blocks(PAGE, "json")[0])["mcpServers"]["shop"]
    assert entry["args"][1:] in LINES
    assert set(entry["env"]) == {entry["args"][-1].removeprefix("env:")}


def test_the_numbers_are_those_of_the_code() -> None:
    defaults = DatabaseSettings()
    stated = re.findall(r"^\| `--([a-z-]+)` \| (\d+) \|", TEXT, re.MULTILINE)
    assert {option: getattr(defaults, option.replace("-", "_")) for option, _ in stated} == {
        option: int(value) for option, value in stated
    }
    assert (defaults.wait, defaults.max_value, safety._LONGEST) == (5, 20_000, 100_000)
    assert (sqlite_guard._LIMITS[0], sqlite_worker.HEAP, sqlite_worker._SPILLED) == (16 * 2**20, 64 * 2**20, 2**30)
    assert postgres_engine._LARGEST_ANSWER == 32 * 2**20


def test_every_tool_is_on_the_page() -> None:
    offered = set(make_server(settings=DatabaseSettings(write=True)).tools)
    assert set(re.findall(r"^\| `(\w+)\(", TEXT, re.MULTILINE)) == offered
