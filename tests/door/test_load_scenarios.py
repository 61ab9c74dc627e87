"""Scenarios of load on the command line: which is played, what is refused, and one whole run of a mix."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from door.config import Settings
from door.errors import Refusal
from door.load_settings import LoadSettings
from door.options import LoadOptions
from door.plans import CheckPlan
from loadtest.mixing import Mixed
from loadtest.scenarios import SCENARIOS
from reports.records import read

ROOT = Path(__file__).resolve().parents[2]
SERVER = (sys.executable, str(Path(__file__).with_name("small_server.py")))
MIX = (Mixed(method="tools/list"),)


def settings(mix: tuple[Mixed, ...] = (), **options: object) -> LoadSettings:
    return LoadSettings.of(LoadOptions(**options), Settings(mix=mix), CheckPlan(), 1)  # type: ignore[arg-type] # fields


def test_the_mix_of_the_file_is_played_unless_something_else_is_asked_for() -> None:
    assert settings().scenario.name == "steady"
    assert settings(MIX).scenario.name == "mix"
    assert settings(MIX).wishes.mix == MIX
    assert settings(MIX, tool=["echo"]).scenario.name == "steady"
    assert settings(MIX, scenario="churn").scenario.name == "churn"


def test_tools_have_weights() -> None:
    assert settings(tool=["echo", "add=2.5"]).wishes.tools == (("echo", 1.0), ("add", 2.5))


@pytest.mark.parametrize("text", ["echo=", "echo=0", "echo=-1", "echo=often", "echo=nan", "echo=inf"])
def test_a_weight_is_a_number_above_0(text: str) -> None:
    with pytest.raises(Refusal, match=f"--tool {text}: what follows = is how often it is called"):
        settings(tool=[text])


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    with pytest.raises(Refusal, match="no scenario is called 'spiral'; known are steady, mix, "):
        settings(scenario="spiral")


def test_a_search_for_capacity_goes_with_no_scenario_that_judges() -> None:
    judging = {each.name for each in SCENARIOS if each.judges}
    assert {"isolation", "soak", "neighbour"} <= judging
    for name in (each.name for each in SCENARIOS):
        if name not in judging:
            assert settings(scenario=name, find_capacity=True).arrival.search
            continue
        with pytest.raises(Refusal, match=f"{name} judges one run, and --find-capacity makes many"):
            settings(scenario=name, find_capacity=True)


def touchstone(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-m", "touchstone", "load", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False
    )


def test_the_list_names_every_scenario(tmp_path: Path) -> None:
    done = touchstone(tmp_path, "--list")
    assert done.returncode == 0
    first = [line.split()[0] for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert {scenario.name for scenario in SCENARIOS} <= set(first)


def test_a_target_that_lacks_what_a_scenario_needs_is_told_so_in_a_line(tmp_path: Path) -> None:
    done = touchstone(tmp_path, "--quiet", "--scenario", "long-calls", "--", *SERVER)
    assert done.returncode == 3
    assert "touchstone: long-calls: no tool that may be called is known to be slow" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_objective_of_an_operation_that_the_load_has_not_is_refused_in_a_line(tmp_path: Path) -> None:
    done = touchstone(tmp_path, "--quiet", "--slo", "serach: p99<1s", "--", *SERVER)
    assert done.returncode == 2
    assert "objective 'serach: p99<1s': this load has no operation 'serach'; it has " in done.stderr


def test_a_mix_is_played_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "touchstone.toml").write_text(
        '[[load.mix]]\ntool = "echo"\narguments = { text = "tea {n}" }\nechoes = true\n'
        '[[load.mix]]\nmethod = "tools/list"\nname = "look"\nweight = 2\n'
    )
    words = ("--quiet", "--duration", "2", "--warm-up", "0", "--users", "2")
    done = touchstone(tmp_path, *words, "--", *SERVER)
    assert done.returncode in (0, 3), done.stderr  # 3 where a busy machine held the generator up
    rows = read(tmp_path / ".touchstone" / "records.jsonl").loads
    assert {row.scenario for row in rows} == {"own mix"}
    assert [row.operation for row in rows[1:3]] == ["tools/call echo", "look"]
    assert all(row.counts.failed == 0 and row.counts.total for row in rows)
