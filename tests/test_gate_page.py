"""The page on gates, and the files that it speaks of: what they name exists, and what they run runs."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

import touchstone
from door.errors import Exit

yaml = pytest.importorskip("yaml", reason="reads YAML; it comes with the extra `yaml`")

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/gate.md").read_text("utf-8")
_BLOCKS: list[Any] = [
    yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]
_ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
_GITLAB: dict[str, Any] = yaml.safe_load((ROOT / "docs/examples/gate/gitlab-ci.yml").read_text("utf-8"))[".touchstone"]
_HOOK: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))[0]


def _listed(heading: str) -> set[str]:
    table = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([a-z-]+)`", row)
    }


def test_the_tables_name_the_inputs_and_outputs_of_the_action() -> None:
    assert _listed("input") == set(_ACTION["inputs"])
    assert _listed("output") == set(_ACTION["outputs"])


def test_the_table_of_exit_codes_has_all_that_a_gate_can_meet() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)}
    assert codes == {int(code) for code in Exit} - {int(Exit.INTERRUPTED)}


def test_the_example_workflow_gives_the_action_what_it_takes() -> None:
    workflow = next(block for block in _BLOCKS if "jobs" in block)
    job = workflow["jobs"]["touchstone"]
    given = next(step["with"] for step in job["steps"] if "touchstone@" in step.get("uses", ""))
    assert set(given) <= set(_ACTION["inputs"])
    of_the_matrix = {name for row in job["strategy"]["matrix"]["include"] for name in row}
    assert set(re.findall(r"matrix\.(\w+)", str(given))) <= of_the_matrix


def test_the_hook_of_the_example_is_ours_and_its_command_parses() -> None:
    block = next(block for block in _BLOCKS if "repos" in block)
    assert [hook["id"] for hook in block["repos"][0]["hooks"]] == [_HOOK["id"]]
    program, command, *words = _HOOK["entry"].split()
    assert program == "touchstone"
    commands: dict[str, Any] = typer.main.get_command(touchstone.app).commands  # type: ignore[attr-defined] # a group
    assert commands[command].make_context(command, words).params["quiet"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TOUCHSTONE_TARGET": "node a.js"}, ["node a.js"]),
        (
            {"TOUCHSTONE_TARGET": "http://127.0.0.1:3/mcp", "TOUCHSTONE_START": "node 'a b.js'"},
            ["--start", "node 'a b.js'", "http://127.0.0.1:3/mcp"],
        ),
        ({"TOUCHSTONE_ARGUMENTS": "--slo 'p99<1s' --allow x"}, ["--slo", "p99<1s", "--allow", "x"]),
    ],
)
def test_the_gitlab_job_hands_its_variables_over_whole(
    tmp_path: Path, variables: dict[str, str], words: list[str]
) -> None:
    program = tmp_path / "touchstone"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    script = "\n".join(line for line in _GITLAB["script"] if "venv" not in line and "pip" not in line)
    script = script.replace("/tmp/touchstone/bin/touchstone", str(program))
    env = {**os.environ, **_GITLAB["variables"], **variables}
    done = subprocess.run(["sh", "-euc", script], env=env, capture_output=True, text=True, timeout=30, check=True)
    said = done.stdout.splitlines()
    assert said[0] == "check"
    assert said[said.index("touchstone.jsonl") + 1 :] == words
    assert _GITLAB["artifacts"]["reports"]["junit"] in said


def test_the_container_is_given_every_package_that_is_installed_in_it() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {name.rstrip("*") for name in table["tool"]["setuptools"]["packages"]["find"]["include"]}
    files = {table["project"]["readme"], *table["project"]["license-files"], "pyproject.toml", "touchstone.py"}
    assert let_in == packages | files
