"""Records that earlier versions wrote are read and rendered by every format, and are still what the schema says."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reports import RENDERERS
from reports.records import read, schema

OLD = sorted(Path(__file__).with_name("old").glob("*.jsonl"))


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_old_records_still_render(path: Path, name: str) -> None:
    run = read(path)
    assert (run.unknown, run.torn) == (0, path.stem == "killed")
    assert RENDERERS[name](run).strip() or name == "github-annotations"


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_old_records_conform_to_the_schema_of_today(path: Path) -> None:
    validator = Draft202012Validator(schema())
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            validator.validate(json.loads(line))


def test_the_old_records_are_of_every_kind_that_there_was() -> None:
    kinds = {json.loads(line)["kind"] for path in OLD for line in path.read_bytes().split(b"\n")[:-1]}
    assert kinds >= {"header", "verdict", "finding", "load", "footer"}
    outcomes = {row.outcome for path in OLD for row in read(path).judgements}
    assert outcomes >= {"passed", "failed", "blocked", "inapplicable"}


def test_a_record_of_a_later_version_renders_without_what_is_not_known(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in OLD[0].read_text("utf-8").splitlines()]
    later = [{**rows[0], "new": 1}, {"kind": "novelty", "a": 1}, *({**row, "new": {"a": []}} for row in rows[1:])]
    path = tmp_path / "later.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in later), "utf-8")
    run = read(path)
    assert (run.unknown, len(run.judgements)) == (1, len(read(OLD[0]).judgements))
    for render in RENDERERS.values():
        render(run)
