"""What the page on correctness under load says is so: its scenarios, its figures, its commands."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from fixtures.seeded_load.hunt import HUNTS
from loadtest.leaks import QUANTITIES
from loadtest.scenarios import SCENARIOS
from reports.records import LoadJudgement

PAGE = (Path(__file__).parent.parent / "docs" / "load-correctness.md").read_text("utf-8")


def test_each_chapter_is_about_a_scenario_and_each_that_judges_has_one() -> None:
    chapters = re.findall(r"^## .*: `([a-z-]+)`$", PAGE, re.MULTILINE)
    used = re.findall(r"--scenario ([a-z-]+)", PAGE)
    assert set(chapters) == set(used)
    plain = next(each.judge for each in SCENARIOS if each.name == "steady")
    assert set(chapters) == {each.name for each in SCENARIOS if each.judge is not plain}


def test_the_figures_of_leaks_are_those_that_are_judged_by() -> None:
    memory, descriptors, threads = (QUANTITIES[name].noise for name in ("memory", "descriptors", "threads"))
    said = (
        f"more than {memory / 2**20:g} MiB, {descriptors:g} descriptors or {threads:g} threads, and more than a tenth"
    )
    assert QUANTITIES["memory"].share == 0.1
    assert said in " ".join(PAGE.split())


def test_the_fields_of_judgements_are_the_real_ones() -> None:
    named = re.search(r"with `name`.*?:", " ".join(PAGE.split()))
    assert named is not None
    assert set(re.findall(r"`(\w+)`", named[0])) <= {each.name for each in msgspec.structs.fields(LoadJudgement)}


def test_the_hunt_knows_the_faults_that_are_named() -> None:
    (line,) = re.findall(r"hunt --honest 20 (.*)", PAGE)
    assert set(line.split()) <= set(HUNTS)
