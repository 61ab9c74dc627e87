"""The page about the git server says what it does."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from reference_impl.servers.git import make_server
from tests.reference_impl.servers.git.world import notes
from tests.reference_impl.servers.pages import ROOT, blocks, printed


def test_the_session_prints_what_the_page_shows(tmp_path: Path) -> None:
    notes(tmp_path / "projects")
    assert printed(blocks("servers/git.md", "python")[0], tmp_path) == blocks("servers/git.md", "text")[0]


def test_the_page_names_every_tool(tmp_path: Path) -> None:
    page = (ROOT / "docs/servers/git.md").read_text("utf-8")
    assert [name for name in make_server(tmp_path, write=True).tools if f"`{name}`" not in page] == []


def test_the_entry_for_hosts_starts_what_the_page_starts() -> None:
    entry = json.loads(blocks("servers/git.md", "json")[0])["mcpServers"]["git"]
    command = shlex.split(blocks("servers/git.md", "sh")[0])
    assert [entry["command"], *entry["args"]] == [*command, "--write"]
