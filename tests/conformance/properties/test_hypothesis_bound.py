"""The oldest Hypothesis that the package asks for is the oldest that is tested."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_lower_bound_is_the_oldest_version_that_tox_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (wanted,) = [text for text in project["dependencies"] if text.startswith("hypothesis")]
    tested = re.search(r"oldest: hypothesis==(\S+)", (ROOT / "tox.ini").read_text("utf-8"))
    assert tested is not None
    assert tested[1].removesuffix(".0") == wanted.removeprefix("hypothesis>=")
