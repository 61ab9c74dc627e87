"""The GitHub action: its inputs become one command line, its outcome the outputs that later steps read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from door.github_action import command_line

yaml = pytest.importorskip("yaml", reason="reads action.yml; it comes with the extra `yaml`")

ROOT = Path(__file__).resolve().parents[2]
_ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
_STEPS = _ACTION["runs"]["steps"]
_AS_A_STEP = next(step["run"] for step in _STEPS if step.get("id") == "touchstone").strip("'").split()[1:]
_GH = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word" >> "$HEARD"; done
case "$*" in *PATCH*|*POST*) ;; *) echo "$FOUND" ;; esac
"""


def _tail(**inputs: str) -> list[str]:
    words = command_line({f"TOUCHSTONE_{name.upper()}": value for name, value in inputs.items()})
    return words[words.index("--fail-on") + 2 :]


def test_a_url_a_command_an_entry_and_nothing_are_targets() -> None:
    assert _tail(target="http://127.0.0.1:3000/mcp") == ["http://127.0.0.1:3000/mcp"]
    assert _tail(target="node 'my server.js' --flag") == ["--", "node", "my server.js", "--flag"]
    assert _tail(target="my servers.json#notes") == ["my servers.json#notes"]
    assert _tail() == []


def test_further_options_come_before_the_target() -> None:
    said = _tail(target="node x", start="", arguments="--allow 'a b'", baseline="known.toml")
    assert said == ["--baseline", "known.toml", "--allow", "a b", "--", "node", "x"]
    url = "http://127.0.0.1:3000/mcp"
    assert _tail(target=url, start="node x 'y z'") == ["--start", "node x 'y z'", url]


def test_load_knows_no_baseline() -> None:
    assert "--baseline" not in command_line({"TOUCHSTONE_COMMAND": "load", "TOUCHSTONE_BASELINE": "known.toml"})


@pytest.mark.parametrize(
    ("inputs", "said"),
    [({"TOUCHSTONE_COMMAND": "serve"}, "none of check, fuzz"), ({"TOUCHSTONE_ARGUMENTS": "'x"}, "arguments: no clos")],
)
def test_inputs_that_make_no_command_are_refused(inputs: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        command_line(inputs)


def _step(tmp_path: Path, *target: str) -> dict[str, str]:
    """Run the step as GitHub does, and return its outputs."""
    place = tmp_path / "outputs"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    env = kept | {"TOUCHSTONE_TARGET": " ".join(target), "GITHUB_OUTPUT": str(place), "PYTHONPATH": str(ROOT)}
    env |= {"GITHUB_STEP_SUMMARY": str(tmp_path / "job.md")}
    env |= {"TOUCHSTONE_ARGUMENTS": "--only 'base.*' --revision 2025-11-25"}
    done = subprocess.run([sys.executable, *_AS_A_STEP], cwd=tmp_path, env=env, timeout=120, check=False)
    assert done.returncode == 0
    return dict(line.split("=", 1) for line in place.read_text().splitlines())


def test_a_server_with_a_violation_is_told_in_the_outputs_and_the_step_goes_on(tmp_path: Path) -> None:
    server = Path(__file__).with_name("small_server.py")
    outputs = _step(tmp_path, sys.executable, str(server), "--defect", "unknown")
    assert outputs["exit-code"] == "1"
    assert int(outputs["violations"]) >= 1
    for name in ("folder", "records", "report", "sarif", "summary"):
        assert Path(outputs[name]).exists()
    assert (tmp_path / "job.md").read_text("utf-8") == Path(outputs["summary"]).read_text("utf-8")


def test_packages_of_the_project_do_not_take_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/__init__.py").write_text("raise SystemExit('the project has reports of its own')")
    assert _step(tmp_path, str(tmp_path / "nothing"))["exit-code"] == "3"


@pytest.mark.parametrize(
    ("found", "method", "path"),
    [("", "POST", "repos/me/mine/issues/12/comments"), ("34", "PATCH", "repos/me/mine/issues/comments/34")],
)
def test_a_comment_of_ours_is_replaced_and_no_other(tmp_path: Path, found: str, method: str, path: str) -> None:
    gh, heard, summary = tmp_path / "gh", tmp_path / "heard", tmp_path / "summary.md"
    gh.write_text(_GH)
    gh.chmod(0o755)
    summary.write_text("All is well.\n")
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HEARD": str(heard), "FOUND": found}
    env |= {"COMMENTS": "repos/me/mine/issues/12/comments", "MARK": "<!-- touchstone a -->"}
    env |= {"SUMMARY": str(summary), "RUNNER_TEMP": str(tmp_path)}
    text = next(step["run"] for step in _STEPS if "gh api" in step.get("run", ""))
    subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text], env=env, timeout=60, check=True)
    words = heard.read_text().splitlines()
    assert words[words.index("--method") + 1 :][:2] == [method, path]
    assert (tmp_path / "comment.md").read_text() == "<!-- touchstone a -->\nAll is well.\n"


def test_a_server_that_cannot_be_started_has_its_exit_code(tmp_path: Path) -> None:
    assert _step(tmp_path, str(tmp_path / "nothing"))["exit-code"] == "3"


def test_every_input_is_used_and_every_output_comes_from_a_step() -> None:
    used = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text("utf-8")))
    assert used == set(_ACTION["inputs"])
    ids = {step["id"] for step in _STEPS if "id" in step}
    for output in _ACTION["outputs"].values():
        assert re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.[a-z-]+ \}\}", output["value"])[1] in ids  # type: ignore[index] # no match fails too


def test_no_input_is_part_of_the_text_of_a_shell() -> None:
    assert [step["name"] for step in _STEPS if "${{" in step.get("run", "")] == []


def test_every_shell_step_says_its_shell() -> None:
    assert all("shell" in step for step in _STEPS if "run" in step)
