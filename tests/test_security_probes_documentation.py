"""What `docs/security-probes.md` says: its session runs and shows what the page shows, its table names every probe."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from conformance.security.probes import PROBES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security-probes.md").read_text("utf-8")


def test_the_session_shows_what_the_page_shows(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = block.splitlines()
    commands = [shlex.split(line[2:]) for line in lines if line.startswith("$ ")]
    assert [command[0] for command in commands] == ["mkdir", "touchstone"]
    (tmp_path / commands[0][1]).mkdir()
    words = [sys.executable if word == "python" else word for word in commands[1][1:]]
    done = subprocess.run(  # noqa: PLW1510 - the status is what is looked at
        [sys.executable, "-m", "touchstone", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "300", "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stdout + done.stderr
    pieces = [piece for line in lines if not line.startswith("$ ") for piece in line.replace("python", "…").split("…")]
    assert [piece for piece in pieces if " ".join(piece.split()) not in said] == []


def test_the_table_names_every_probe_and_no_other() -> None:
    assert re.findall(r"^\| `(security\.[a-z.]+)` \|", PAGE, re.MULTILINE) != []
    assert set(re.findall(r"^\| `(security\.[a-z.]+)` \|", PAGE, re.MULTILINE)) == {probe.id for probe in PROBES}
