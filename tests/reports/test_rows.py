"""Rows read well with jq: every field is there, and nothing that can be computed from others."""

import json
from dataclasses import replace

import msgspec
import pytest

from reports.records import Run, encode, severity


def test_a_row_names_its_kind_first(sample_run: Run) -> None:
    rows = (sample_run.header, sample_run.verdicts[0], sample_run.findings[0], sample_run.loads[0], sample_run.footer)
    assert [next(iter(json.loads(encode(row)).items())) for row in rows] == [
        ("kind", "header"),
        ("kind", "verdict"),
        ("kind", "finding"),
        ("kind", "load"),
        ("kind", "footer"),
    ]


def test_no_judgement_stores_its_severity(sample_run: Run) -> None:
    assert severity(sample_run.verdicts[-1]) == "note" or severity(sample_run.verdicts[-1]) == "warning"
    assert not any("severity" in json.loads(encode(row)) for row in sample_run.judgements)


def test_fields_that_are_empty_are_written_too(sample_run: Run) -> None:
    row = json.loads(encode(sample_run.verdicts[0]))
    assert set(row) == {"kind", *msgspec.structs.asdict(sample_run.verdicts[0])}


def test_rows_cannot_be_changed(sample_run: Run) -> None:
    with pytest.raises(AttributeError):
        sample_run.verdicts[0].outcome = "passed"
    assert replace(sample_run, torn=True) != sample_run
