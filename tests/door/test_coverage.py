"""`coverage`: the catalogue counted, alone and beside what a run exercised."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from door.coverage import count, print_coverage
from door.errors import Refusal
from reference_impl.protocol.revisions import LATEST, REVISIONS
from reports.records import Header, RequirementRef, Target, Verdict, Writer


def _records(path: Path) -> Path:
    reference = RequirementRef(id="base.error.method-not-found", level="MUST", text="It is.", page="basic")
    verdict = Verdict(
        check="base.method.unknown",
        title="It is.",
        level="MUST",
        revision=LATEST.name,
        transport="stdio",
        outcome="passed",
        requirements=(reference,),
    )
    header = Header(
        touchstone="1",
        command="check",
        target=Target(name="x", transport="stdio", address="x"),
        revisions=(LATEST.name,),
        started=datetime(2026, 1, 1, tzinfo=UTC),
    )
    with Writer(path) as writer:
        writer.append(header)
        writer.append(verdict)
    return path


def test_every_revision_role_and_level_has_a_row_in_which_parts_are_no_larger_than_the_whole() -> None:
    rows = count()
    assert len(rows) == len(REVISIONS) * 2 * 3
    assert rows[0].revision == LATEST.name
    for row in rows:
        assert 0 <= row.covered <= row.testable <= row.bound
        assert row.exercised is None
    servers = [row for row in rows if row.role == "server" and row.level == "MUST"]
    assert all(row.covered > 0 for row in servers)


def test_a_run_shows_what_it_exercised_at_its_own_revisions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_coverage(_records(tmp_path / "records.jsonl"), as_json=True) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["revision"] for row in rows} == {LATEST.name}
    assert [row["exercised"] for row in rows] == [1, 0, 0]


def test_the_table_is_printed_with_its_shares(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_coverage(None, as_json=False) == 0
    shown = capsys.readouterr().out
    assert "testable" in shown
    assert LATEST.name in shown
    assert "%" in shown


def test_records_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no such file"):
        print_coverage(tmp_path / "nothing.jsonl", as_json=False)
