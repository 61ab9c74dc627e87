"""`touchstone serve git` as a command: what it refuses to start with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", [None, "nowhere", "file"])
def test_without_a_folder_the_command_ends_with_one_line(tmp_path: Path, name: str | None) -> None:
    (tmp_path / "file").touch()
    arguments = [] if name is None else [str(tmp_path / name)]
    command = (sys.executable, "-m", "touchstone", "serve", "git", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    if name is not None:
        assert len(done.stderr.strip().splitlines()) == 1
        assert "folder" in done.stderr
