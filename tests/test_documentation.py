"""What the README and the documentation say is so: their commands parse, their settings are read, their names exist."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

import touchstone
from conformance.catalogue import load
from conformance.check import all_checks
from conformance.target import StdioTarget
from door.config import read_settings
from reference_impl.client import connect
from reference_impl.transports.stdio import StdioCommand

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _blocks(language: str) -> list[str]:
    return [
        block
        for page in PAGES
        for block in re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    ]


def _command_lines() -> list[list[str]]:
    lines = [line for block in _blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    words = [shlex.split(re.sub(r"\s#\s.*", "", line)) for line in lines]
    return [line[1:] for line in words if line[:1] == ["touchstone"]]


def _commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(touchstone.app)
    return dict(group.commands)


@pytest.mark.parametrize("words", _command_lines(), ids=" ".join)
def test_every_command_line_of_the_documentation_parses(words: list[str]) -> None:
    command, rest = _commands()[words[0]], words[1:]
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    assert command.make_context(words[0], rest).params


def test_the_table_of_commands_lists_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    listed = {
        word
        for cell in re.findall(r"^\| (`[a-z].*?) \|", readme, re.MULTILINE)
        for word in re.findall(r"`([\w-]+)", cell)
    }
    assert set(_commands()) <= listed


def test_the_settings_that_the_readme_shows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = next(block for block in _blocks("toml") if "[target]" in block)
    (tmp_path / "touchstone.toml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEY", "a-secret-value")
    settings = read_settings([])
    assert settings.target == StdioTarget(("python", "server.py"), {"API_KEY": "a-secret-value"})
    assert settings.permission.grants({"name": "search"})
    assert settings.objectives == ("p99<100ms", "errors<0.1%")
    assert "a-secret-value" in settings.secrets


def test_the_row_and_the_check_of_the_guide_are_the_real_ones() -> None:
    row = next(tomllib.loads(block) for block in _blocks("toml") if "[[requirement]]" in block)["requirement"][0]
    assert load()[row["id"]].text == row["text"]
    source = next(block for block in _blocks("python") if "@check" in block)
    identifier = re.search(r'@check\("([^"]+)"', source)
    assert identifier
    assert identifier[1] in {item.id for item in all_checks()}


def test_the_server_that_the_readme_shows_serves(tmp_path: Path) -> None:
    (readme,) = re.findall(r"^```python\n(.*?)^```$", PAGES[0].read_text("utf-8"), re.MULTILINE | re.DOTALL)
    program = tmp_path / "clock.py"
    program.write_text(readme, "utf-8")

    async def use() -> dict[str, Any]:
        async with connect(StdioCommand((sys.executable, str(program)), {"PYTHONPATH": str(ROOT)})) as server:
            return await server.call_tool("add", {"a": 2, "b": 3})

    assert asyncio.run(use())["content"] == [{"type": "text", "text": "5"}]


def test_links_to_files_of_the_project_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    extraction = re.search(r"^command=(\$\(.*\))$", script, re.MULTILINE)
    assert extraction
    found = subprocess.run(
        ["bash", "-c", f"echo {extraction[1]}"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
    )
    assert found.stdout.strip() == "python3 -m venv .venv && .venv/bin/pip install --quiet tox && .venv/bin/tox"
