"""What docs/load.md shows of load tests is so: its scenarios are there, its mix is read and becomes requests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from door.settings_file import File
from loadtest.objectives import parse_objective
from loadtest.scenario import Offer, Wishes
from loadtest.scenarios import MIX, SCENARIOS
from loadtest.workload import Operation
from reference_impl.protocol.revisions import LATEST

PAGE = (Path(__file__).parent.parent / "docs" / "load.md").read_text("utf-8")


def _settings() -> list[File]:
    blocks = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [msgspec.convert(tomllib.loads(block), File) for block in blocks]


def test_every_scenario_of_the_page_is_one() -> None:
    told = re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)
    assert {scenario.name for scenario in SCENARIOS} >= set(told)
    assert set(re.findall(r"^### ([\w-]+)$", PAGE, re.MULTILINE)) == set(told)
    assert set(re.findall(r"--scenario ([a-z-]+)", PAGE)) <= set(told)


def test_the_mix_of_the_page_becomes_requests() -> None:
    (mix,) = (settings.load.mix for settings in _settings() if settings.load.mix)
    prompt = Operation(name="prompts/get review", method="prompts/get", params={"name": "review", "arguments": {}})
    offer = Offer(
        revision=LATEST.name,
        transport="http",
        capabilities={"resources": {}},
        cheap=prompt,
        permitted={"search": None},
        prompts=(prompt,),
    )
    operations = MIX.workload(offer, Wishes(mix=tuple(mix))).operations
    names = ["tools/call search", "prompts/get review", "resources/read file:///notes/today.md", "complete a path"]
    assert [each.name for each in operations] == names


def test_the_samples_of_the_page_are_read() -> None:
    assert any("{n}" in str(settings.tools.samples) for settings in _settings())


def test_the_objectives_of_the_page_are_read() -> None:
    (table,) = (settings.load for settings in _settings() if settings.load.objectives)
    typed = [text for _, text in re.findall(r"--slo (['\"])(.*?)\1", PAGE)]
    read = [parse_objective(text) for text in (*table.expected(), *typed)]
    assert {each.operation for each in read} >= {"", "search", "resources/read file:///notes/today.md"}
