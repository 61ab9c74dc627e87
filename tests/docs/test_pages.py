"""What the pages for readers and for contributors name is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from door.config import read_settings
from door.errors import Exit
from reports.formats import FORMATS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CONTRIBUTING = [DOCS / "extending.md", *sorted((DOCS / "contributing").glob("*.md"))]
SETTINGS = [
    (page.name, block)
    for page in (*sorted((DOCS / "how-to").glob("*.md")), DOCS / "reference/settings.md")
    for block in re.findall(r"^```toml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
]
TOP = "conformance|docs|door|fixtures|loadtest|reference_impl|reports|tests"


@pytest.mark.parametrize("page", CONTRIBUTING, ids=lambda page: page.stem)
def test_the_files_that_contributors_are_sent_to_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{TOP})/[\w./*-]+)`", page.read_text("utf-8"))
    made = {"docs/servers/NAME.md", "reference_impl/servers/NAME/"}
    assert named
    assert [name for name in named if name not in made and not any(ROOT.glob(name.rstrip("/")))] == []


@pytest.mark.parametrize(("page", "text"), SETTINGS)
def test_the_settings_of_the_guides_are_read(
    page: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "touchstone.toml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    for variable in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(variable, "a-secret-value")
    assert tomllib.loads(text)
    assert read_settings([]).target is not None


def test_every_exit_code_has_a_row() -> None:
    page = (DOCS / "reference/exit-codes.md").read_text("utf-8")
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)] == [int(code) for code in Exit]


def _python(page: str) -> str:
    (block,) = re.findall(r"^ *```python\n(.*?)^ *```$", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return block


def test_the_report_of_the_guide_is_one(sample_lines: str) -> None:
    headline, *lines = sample_lines.splitlines()
    assert headline
    assert all(line.split()[0] in ("MUST", "SHOULD", "advice") for line in lines)


@pytest.fixture
def sample_lines() -> str:
    from reports.records import read

    run = read(next(iter(sorted((ROOT / "tests/reports/old").rglob("*.jsonl")))))
    names: dict[str, object] = {}
    exec(_python("contributing/report.md"), names)
    render = names["render_lines"]
    assert callable(render)
    assert "lines" not in FORMATS, "the guide adds what is there already"
    return str(render(run))


def test_the_scenario_of_the_guide_chooses_what_the_target_lists() -> None:
    from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
    from loadtest.workload import Operation

    names: dict[str, object] = {}
    exec(_python("contributing/scenario.md"), names)
    scenario = names["READING"]
    assert isinstance(scenario, Scenario)
    cheap = Operation(name="ping", method="ping")
    offer = Offer(revision="2025-11-25", transport="stdio", capabilities={}, cheap=cheap, resources=("a:1", "a:2"))
    operations = scenario.workload(offer, Wishes()).operations
    assert [each.params for each in operations] == [{"uri": "a:1"}, {"uri": "a:2"}]
    with pytest.raises(Unavailable, match="lists no resources"):
        scenario.workload(Offer(revision="2025-11-25", transport="stdio", capabilities={}, cheap=cheap), Wishes())
