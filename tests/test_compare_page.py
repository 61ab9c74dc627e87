"""What the page about comparison says is so: its commands do what they are said to."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import get_args

import pytest

import touchstone
from reports.comparison import VerdictChange, VerdictKind

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/compare.md").read_text("utf-8")
RECORDS = ROOT / "tests/reports/old/run.jsonl"
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("touchstone compare main")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_comparison_of_the_page_works(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("main.jsonl", "branch.jsonl"):
        shutil.copy(RECORDS, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        touchstone.main()
    assert ended.value.code == 0, capsys.readouterr().err
    assert all((tmp_path / name).stat().st_size for name in re.findall(r"[\w-]+\.md", command))


def test_every_kind_of_change_is_in_the_table() -> None:
    assert VerdictChange.__annotations__["kind"] is VerdictKind
    assert all(f"`{kind}`" in PAGE for kind in get_args(VerdictKind))
