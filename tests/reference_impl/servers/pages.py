"""Sessions in the documentation, run as a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a language on a page under docs/."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def printed(code: str, folder: Path) -> str:
    """Run code in a folder, with `touchstone` as this checkout has it, and return what it prints."""
    code = code.replace('("touchstone", ', f'({sys.executable!r}, "-m", "touchstone", ')
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = (sys.executable, "-W", "error", "-c", code)
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
