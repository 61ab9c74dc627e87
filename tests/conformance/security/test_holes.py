"""The probes find the hole of each server that has one, and nothing on those that have none."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from conformance.scout import scout
from conformance.security import stalls
from conformance.security.runner import ProbePlan, run_probes
from conformance.surface import Permission
from conformance.target import StdioTarget, Target
from fixtures.security.holes import HOLES
from reports.records import Finding

from ..scripted import BRISK

ROOT = Path(__file__).parents[3]


def target(name: str, folder: Path) -> StdioTarget:
    command = (sys.executable, "-m", "fixtures.security", name, str(folder))
    return StdioTarget(command, {"PYTHONPATH": str(ROOT)}, str(ROOT))


def attack(target: Target, only: tuple[str, ...] = (), sandbox: Path | None = None, *allow: str) -> dict[str, Finding]:
    found: list[Finding] = []

    async def run() -> None:
        scouted = await scout(target, BRISK, Permission(frozenset(allow)))
        await run_probes(ProbePlan(target, found.append, only=only, patience=BRISK, sandbox=sandbox), scouted)

    anyio.run(run)
    assert not [finding.summary for finding in found if finding.outcome == "broken"]
    return {finding.property: finding for finding in found}


@dataclass(frozen=True)
class Hole:
    probe: str
    told: str
    sandboxed: bool = False
    allow: tuple[str, ...] = ()


ATTACKS = ("security.paths", "security.sql", "security.options", "security.shell", "security.requests")

FOUND: dict[str, Hole] = {
    "up": Hole("security.paths", "its name after many ../"),
    "encoded": Hole("security.paths", "encoded dots"),
    "prefix": Hole("security.paths", "whose name begins as its own does", sandboxed=True),
    "link": Hole("security.paths", "a symbolic link", sandboxed=True),
    "overwritten": Hole("security.paths", "holds something else now", allow=("write_file",)),
    "unbounded": Hole("security.paths", "its plain path", sandboxed=True),
    "stacked": Hole("security.sql", "a later SELECT finds the table"),
    "attached": Hole("security.sql", "a later SELECT reads the database"),
    "with-first": Hole("security.sql", "our own table", allow=("write_query",)),
    "option": Hole("security.options", "--output=FILE"),
    "shell": Hole("security.shell", "the command was run"),
    "forged": Hole("security.requests", "our listener was asked"),
    "redirected": Hole("security.requests.redirects", "though by itself it is refused"),
    "stalled": Hole("security.stalls", "silence, twice"),
    "poisoned": Hole("security.metadata.instructions", "IMPORTANT"),
    "changing": Hole("security.metadata.changes", "and send them"),
}


@pytest.mark.parametrize("name", FOUND)
def test_each_hole_is_found_confirmed_and_shown(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalls, "_PATIENCE", 0.3)
    hole, folder = FOUND[name], tmp_path / "root"
    folder.mkdir()
    found = attack(target(name, folder), (hole.probe,), folder if hole.sandboxed else None, *hole.allow)[hole.probe]
    assert (found.outcome, found.confirmed) == ("failed", "confirmed")
    assert hole.told in f"{found.summary}"
    assert found.repeat.startswith(f"touchstone fuzz --active --only {hole.probe} ")


def test_nothing_is_found_where_there_is_no_hole_and_it_is_said_what_was_not_probed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    found = attack(target("sound", tmp_path / "root"), ATTACKS, tmp_path / "root")
    assert {name: item.summary for name, item in found.items() if item.outcome == "failed"} == {}
    assert {name: item.outcome for name, item in found.items()} == dict.fromkeys(ATTACKS, "passed")
    assert "probed: read_file(path); not probed: read_query (no such argument)" in found["security.paths"].summary
    assert "run(command) runs any command, as its name says" in found["security.shell"].summary
    assert list(tmp_path.iterdir()) == [tmp_path / "root"]
    assert list((tmp_path / "root").iterdir()) == []


def test_a_tool_that_may_read_everything_is_no_finding_but_is_named(tmp_path: Path) -> None:
    found = attack(target("unbounded", tmp_path), ("security.paths",))["security.paths"]
    assert found.outcome == "passed"
    assert "cat(path) opens any file, and nothing says that it must not" in found.summary


def test_a_tool_that_was_not_allowed_is_left_alone(tmp_path: Path) -> None:
    found = attack(target("overwritten", tmp_path), ("security.paths",))["security.paths"]
    assert found.outcome == "blocked"
    assert "write_file (neither read-only nor allowed)" in found.summary


def test_the_script_shows_the_hole_without_touchstone(tmp_path: Path) -> None:
    found = attack(target("up", tmp_path), ("security.paths",))["security.paths"]
    script = tmp_path / "again.py"
    script.write_text(found.script, "utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=30)
    content = re.findall(r"content = '(\w+)'", found.script)[0]
    assert done.stdout.count(content) == 2


def test_every_hole_is_tried() -> None:
    assert set(HOLES) - set(FOUND) == {"sound"}
