"""Who silences a linter, a type checker or a warning says why, in the same place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TREES = ("conformance", "docs", "door", "fixtures", "loadtest", "reference_impl", "reports", "tests")

ON_ITS_LINE = re.compile(
    r"# ?(?:ruff: ?)?(?:noqa(?:: ?[A-Z]+\d+(?:, ?[A-Z]+\d+)*)?|type: ?ignore(?:\[[\w, -]+\])?|nosec)(.*)"
)
BESIDE_IT = re.compile(r"\s*# mypy: |@pytest\.mark\.filterwarnings\(")
"""What takes no words behind it: a comment in the line before or behind says why."""
REASON = re.compile(r"\s*(?: - |# )\s*\w")
COMMENT = re.compile(r"\s*# \w")


def without_reason(text: str) -> Iterator[int]:
    """Yield the numbers of the lines that silence something and do not say why."""
    lines = ["", *text.splitlines(), ""]
    for number, (line, after) in enumerate(pairwise(lines)):
        silenced = ON_ITS_LINE.search(line)
        bare = silenced is not None and REASON.match(silenced[1]) is None
        if BESIDE_IT.match(line):
            bare = COMMENT.match(lines[number - 1]) is None and COMMENT.match(after) is None
        if bare:
            yield number


def test_every_suppression_says_why() -> None:
    files = [ROOT / "touchstone.py", *(file for tree in TREES for file in sorted((ROOT / tree).rglob("*.py")))]
    files.remove(Path(__file__).resolve())
    wrong = [
        f"{file.relative_to(ROOT)}:{number}" for file in files for number in without_reason(file.read_text("utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "import a  # noqa",
        "import a  # noqa: F401",
        "import a  # noqa: F401, E402 -",
        "a = b  # type: ignore",
        "a = b  # type: ignore[index]",
        "a = b  # nosec",
        "# ruff: noqa: E501",
        "# mypy: ignore-errors",
        '@pytest.mark.filterwarnings("ignore")',
    ],
)
def test_a_suppression_without_a_reason_is_found(line: str) -> None:
    assert list(without_reason(f"a = 1\n{line}\nb = 2\n")) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "import a  # noqa: F401 - for what it does",
        "import a  # noqa: F401, E402 - for what it does",
        "a = b  # type: ignore[index] # it has one",
        "a = b  # type: ignore[arg-type, misc]  # it has one",
        "# mypy: ignore-errors\n# It runs elsewhere.",
        '# It is said twice.\n@pytest.mark.filterwarnings("ignore")',
    ],
)
def test_a_suppression_with_a_reason_is_left_alone(text: str) -> None:
    assert list(without_reason(text)) == []
