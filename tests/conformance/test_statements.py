"""Every normative statement of the five revisions, and of the extension for tasks, is a row of the catalogue."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue import load
from reference_impl.protocol.revisions import REVISIONS, revision_named

HERE = Path(__file__).parent
EXTRACTED = HERE.parents[2] / "shared" / "requirements"
"""The statements as they were read off the specification's pages, one file a revision."""
MENTION = "mention: "
"""Stands in place of a row where a keyword is used without demanding anything, with the reason."""
RESTATED = "changelog"
"""The page that says again what the others say."""


@cache
def mapping() -> dict[str, tuple[str, ...]]:
    """Position of a statement to the ids of the rows that say it."""
    told: dict[str, tuple[str, ...]] = {}
    for file in sorted((HERE / "statements").glob("*.toml")):
        for position, rows in tomllib.loads(file.read_text("utf-8")).items():
            assert position not in told, f"{file.name}: {position} is mapped twice"
            told[position] = (rows,) if isinstance(rows, str) else tuple(rows)
    return told


def _mapped() -> Iterator[tuple[str, str]]:
    for position, rows in mapping().items():
        yield from ((position, row) for row in rows if not row.startswith(MENTION))


def statements(name: str) -> list[dict[str, Any]]:
    """The statements of one revision that demand something (MAY does not)."""
    file = EXTRACTED / f"requirements-{name}.jsonl"
    if not file.exists():
        pytest.skip("the extracted statements are not beside this checkout")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [row for row in rows if row["level"] != "MAY" and row["page"] != RESTATED]


@pytest.mark.parametrize("name", [*(revision.name for revision in REVISIONS), "ext"])
def test_every_statement_has_a_row_of_its_level_that_holds_in_its_revision(name: str) -> None:
    rows, revision, wrong = load().rows, revision_named(name), []
    for statement in statements(name):
        for row in mapping().get(statement["id"], ("nothing",)):
            if row.startswith(MENTION):
                continue
            found = rows.get(row)
            if found is None or found.level != statement["level"]:
                wrong.append(f"{statement['id']}: {row}")
            elif revision is not None and revision not in found.window:
                wrong.append(f"{statement['id']}: {row} does not hold then")
    assert wrong == []


def test_statements_lead_to_rows_that_are_there() -> None:
    assert {row for _, row in _mapped()} - set(load().rows) == set()


def test_a_statement_that_has_no_row_says_why() -> None:
    reasons = [row for rows in mapping().values() for row in rows if row.startswith(MENTION)]
    assert all(len(reason) > len(MENTION) + 10 for reason in reasons)
    assert len(reasons) < len(mapping()) / 50
