"""What the page about formats says is so: every format is there, and its commands do what they are said to."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

import touchstone
from reports.formats import FORMATS
from reports.markdown import LIMIT

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/formats.md").read_text("utf-8")
RECORDS = ROOT / "tests/reports/old/run.jsonl"
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("touchstone report")
]


def test_every_format_is_in_the_table_and_in_a_command() -> None:
    for name, row in FORMATS.items():
        assert f"| `--{name}{'' if row.printed else ' FILE'}` |" in PAGE
        assert re.search(rf"^touchstone .*--{name}\b", PAGE, re.MULTILINE), name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_report_command_writes_what_it_names(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".touchstone").mkdir()
    shutil.copy(RECORDS, tmp_path / ".touchstone/records.jsonl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        touchstone.main()
    assert ended.value.code == 0, capsys.readouterr().err
    files = re.findall(r"[\w-]+\.(?:xml|sarif|md|har|hlog|svg|json)\b", command)
    assert all((tmp_path / name).stat().st_size for name in files)


def test_the_limit_of_markdown_is_the_one_that_is_told() -> None:
    assert f"{LIMIT:,} bytes" in PAGE
