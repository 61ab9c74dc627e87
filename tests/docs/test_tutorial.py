"""The tutorial is followed from its first command to its last, and what it shows is what comes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/tutorial.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def _words(text: str) -> str:
    return re.sub(r'"id": \d+', '"id": 1', " ".join(text.split()))  # ids are dealt out as checks come by


SERVER, MENDED = _blocks("python")
INIT, CHECK, EXPLAIN, ALONE, WRITE, GATE = (shlex.split(block) for block in _blocks("sh"))
SEEN, FOUND = map(_words, _blocks("text"))
(KNOWN,) = _blocks("toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text(SERVER, "utf-8")
    return tmp_path


def _type(folder: Path, command: list[str]) -> tuple[int, str]:
    """Run a command of the page and return its exit code and its output, however its lines are broken."""
    program, *words = [sys.executable if word == "python" else word for word in command]
    assert program == "touchstone"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "touchstone", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, _words(done.stdout)


def test_the_first_half_finds_a_defect_and_mends_it(folder: Path) -> None:
    code, said = _type(folder, INIT)
    assert code == 0
    assert SEEN in said
    code, said = _type(folder, CHECK)
    assert code == 1
    assert FOUND in said
    assert "2 violations, 1 warning and 1 note" in said
    code, said = _type(folder, EXPLAIN)
    assert code == 0
    assert "/basic#responses" in said or "#error" in said
    assert _type(folder, ALONE)[0] == 1
    (folder / "server.py").write_text(_mended(), "utf-8")
    assert _type(folder, ALONE)[0] == 0


def test_the_second_half_puts_the_rest_off_and_keeps_a_gate(folder: Path) -> None:
    (folder / "server.py").write_text(_mended(), "utf-8")
    (folder / "touchstone.toml").write_text(f'[target]\ncommand = ["{sys.executable}", "server.py"]\n', "utf-8")
    assert _type(folder, WRITE)[0] == 0
    written = (folder / "known.toml").read_text("utf-8")
    assert re.findall(r'^check = "(.*)"', written, re.MULTILINE) == re.findall(r'^check = "(.*)"', KNOWN, re.MULTILINE)
    (folder / "known.toml").write_text(KNOWN, "utf-8")
    assert _type(folder, GATE)[0] == 0
    (folder / "server.py").write_text(SERVER, "utf-8")
    code, said = _type(folder, GATE)
    assert code == 4
    assert "base.method.unknown" in said


def _mended() -> str:
    """Return the server with the line that the page gives in the place of the last of `answer`."""
    wrong = MENDED.replace("-32601", "-32602")
    assert SERVER.count(wrong) == 1
    return SERVER.replace(wrong, MENDED)
