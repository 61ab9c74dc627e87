"""One conversation of each transport and era with the reference server: all that scenarios do with it works."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import loadtest

ROOT = Path(loadtest.__file__).parent.parent


@pytest.mark.parametrize(
    ("transport", "revision"),
    [
        ("http", "2025-11-25"),
        ("http", "2026-07-28"),
        ("sse", "2024-11-05"),
        ("ws", "2026-07-28"),
        ("stdio", "2025-11-25"),
        ("stdio", "2026-07-28"),
    ],
)
def test_a_conversation_asks_listens_cancels_and_ends(transport: str, revision: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("conversing.py")), transport, revision]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {
        "opened": True,
        "called": [None, None],
        "listening": [None, None],  # no failure to open it, and it lasts
        "changed": None,
        "told": True,
        "begun": [None, None, None],
        "progress": True,
        "asked": True,
        "cancelled": True,
        "notified": None,
        "after": None,
        "left": True,
        "ended": [None, False],  # no failure, and no longer open
        "again": None,
        "strays": [],
    }
