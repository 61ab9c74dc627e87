"""The published schema is that of the records, and records conform to it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from reports import records
from reports.records import Run, encode, schema
from reports.records_page import fill, reference

PUBLISHED = Path(records.__file__).with_name("records.schema.json")


def test_the_published_schema_is_up_to_date() -> None:
    assert json.loads(PUBLISHED.read_text("utf-8")) == schema()


def test_the_schema_can_be_printed_as_it_is_published() -> None:
    root = PUBLISHED.parent.parent
    printed = subprocess.run([sys.executable, "-m", "reports"], capture_output=True, cwd=root, check=True, timeout=30)
    assert printed.stdout.decode().split() == PUBLISHED.read_text("utf-8").split()


def test_written_records_conform_to_the_schema(sample_run: Run) -> None:
    validator = Draft202012Validator(schema())
    rows = (sample_run.header, *sample_run.verdicts[-12:], *sample_run.findings, *sample_run.loads, sample_run.footer)
    for row in rows:
        validator.validate(json.loads(encode(row)))


def test_the_schema_refuses_what_the_reader_refuses(sample_run: Run) -> None:
    row = json.loads(encode(sample_run.verdicts[0])) | {"outcome": "excellent"}
    with pytest.raises(ValidationError):
        Draft202012Validator(schema()).validate(row)


def test_every_name_that_is_promised_is_there() -> None:
    assert sorted(records.__all__, key=str.swapcase) == sorted(set(records.__all__), key=str.swapcase)
    assert all(hasattr(records, name) for name in records.__all__)


def test_the_reference_in_the_documentation_is_up_to_date() -> None:
    page = (PUBLISHED.parent.parent / "docs/records.md").read_text("utf-8")
    assert page == fill(page, schema()), "run: python -m reports docs/records.md"


def test_the_reference_names_every_kind_and_every_field() -> None:
    sections = {part.split("\n", 1)[0]: part for part in reference(schema()).split("## ")[1:]}
    for name, found in schema()["$defs"].items():
        kind = found["properties"].get("kind")
        section = sections[f"`{kind['enum'][0]}`" if kind else name]
        assert [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")] == list(
            found["properties"]
        )


def test_a_page_without_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="no line"):
        fill("# Records", schema())
