"""Records on disk: what is written is read back, whatever is in it and wherever the file ends."""

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.records import (
    Finding,
    Footer,
    Header,
    RecordsError,
    RequirementRef,
    Run,
    Target,
    Verdict,
    WireEntry,
    Writer,
    encode,
    parse,
    read,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBER = st.floats(0, 1e9, allow_nan=False)
HEADER = Header(
    touchstone="0.1.0",
    command="check",
    target=Target(name="s", transport="stdio", address="s"),
    revisions=("2025-11-25",),
    started=datetime(2026, 9, 14, 8, 30, tzinfo=UTC),
)
ENTRY = st.builds(
    WireEntry,
    at=NUMBER,
    direction=st.sampled_from(["sent", "received", "stderr", "process"]),
    text=TEXT,
    truncated=st.integers(0, 2**40),
    note=TEXT,
)
REQUIREMENT = st.builds(
    RequirementRef,
    id=TEXT,
    level=st.sampled_from(["MUST", "SHOULD NOT", "advice"]),
    text=TEXT,
    page=TEXT,
    url=st.none() | TEXT,
)
JUDGED = {
    "check": TEXT,
    "title": TEXT,
    "level": st.sampled_from(["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "advice"]),
    "revision": TEXT,
    "transport": TEXT,
    "outcome": st.sampled_from(["passed", "failed", "inapplicable", "blocked", "broken"]),
    "requirements": st.lists(REQUIREMENT, max_size=2).map(tuple),
    "summary": TEXT,
    "actual": TEXT,
    "evidence": st.lists(ENTRY, max_size=3).map(tuple),
    "seconds": NUMBER,
}
VERDICT = st.builds(Verdict, **JUDGED)
FINDING = st.builds(
    Finding,
    **JUDGED,
    property=TEXT,
    conversation=st.lists(ENTRY | TEXT, max_size=3).map(tuple),
    seed=st.none() | st.integers(0, 2**63 - 1),
    script=TEXT,
    confirmed=st.sampled_from(["confirmed", "flaky"]),
)
FOOTER = Footer(complete=True, counts={"passed": 1}, exit=0, seconds=1.5)


def verdict(**fields: object) -> Verdict:
    known = {
        "check": "a.b",
        "title": "It is.",
        "level": "MUST",
        "revision": "-",
        "transport": "stdio",
        "outcome": "passed",
    }
    return Verdict(**known | fields)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(VERDICT, max_size=3), st.lists(FINDING, max_size=2))
def test_what_is_encoded_is_parsed_back(verdicts: list[Verdict], findings: list[Finding]) -> None:
    rows = [HEADER, *verdicts, *findings, FOOTER]
    assert parse(b"\n".join(encode(row) for row in rows)) == Run(
        header=HEADER, verdicts=tuple(verdicts), findings=tuple(findings), footer=FOOTER
    )


def test_a_whole_run_survives_the_file(tmp_path: Path, sample_run: Run) -> None:
    path = tmp_path / "run.jsonl"
    with Writer(path) as writer:
        for row in (sample_run.header, *sample_run.verdicts, *sample_run.findings, *sample_run.loads):
            writer.append(row)
        assert not read(path).complete
        writer.append(sample_run.footer)
    assert read(path) == sample_run
    assert read(path).complete


def test_each_row_is_in_the_file_as_soon_as_it_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Writer(path) as writer:
        writer.append(HEADER)
        assert read(path) == Run(header=HEADER)
        writer.append(verdict())
        assert read(path).verdicts == (verdict(),)


def test_what_was_written_before_ctrl_c_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    def run_until_interrupted() -> None:
        with Writer(path) as writer:
            writer.append(HEADER)
            writer.append(verdict())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted()
    assert read(path).verdicts == (verdict(),)
    assert not read(path).complete


def test_a_last_line_torn_anywhere_is_left_out() -> None:
    whole = encode(HEADER) + b"\n" + encode(verdict(summary="été")) + b"\n"
    second = whole.index(b"\n") + 1
    for end in range(second + 1, len(whole) - 1):
        run = parse(whole[:end])
        assert run.torn
        assert run.verdicts == ()
        assert not run.complete


def test_a_torn_line_in_the_middle_is_corruption() -> None:
    with pytest.raises(RecordsError, match="line 2 is not a record"):
        parse(encode(HEADER) + b'\n{"kind":"verd\n' + encode(FOOTER) + b"\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "its first line is no header"),
        (b"\n\n", "its first line is no header"),
        (b"<html>", "line 1 is not a record"),
        (b"\x1f\x8b\x08", "line 1 is not a record"),
        (b'{"jsonrpc":"2.0"}', "line 1 is not a record"),
        (b"[1]\n", "line 1 is not a record"),
        (encode(verdict()), "its first line is no header"),
        (encode(HEADER) + b"\n" + encode(HEADER), "more than one run"),
        (encode(HEADER).replace(b'"schema":1', b'"schema":2'), "in format 2; this one reads 1"),
    ],
)
def test_a_file_that_is_no_run_is_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(RecordsError, match=why) as refusal:
        parse(data)
    assert "\n" not in str(refusal.value)


def test_the_refusal_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "package.json"
    path.write_text("{}")
    with pytest.raises(RecordsError, match=r"package\.json: line 1 is not a record"):
        read(path)


def test_rows_and_fields_of_later_versions_are_passed_over() -> None:
    later = json.loads(encode(verdict())) | {"mood": ["new"]}
    lines = [encode(HEADER), b'{"kind":"weather","sun":true}', json.dumps(later).encode(), encode(FOOTER)]
    run = parse(b"\n".join(lines))
    assert run.verdicts == (verdict(),)
    assert run.unknown == 1
    assert run.complete


@pytest.mark.parametrize("seconds", [math.nan, math.inf])
def test_a_number_that_json_has_no_word_for_is_refused_when_written(seconds: float) -> None:
    with pytest.raises(RecordsError, match="cannot record this verdict"):
        encode(verdict(seconds=seconds))


def test_a_lone_surrogate_of_a_target_is_written_out() -> None:
    run = parse(encode(HEADER) + b"\n" + encode(verdict(actual="name \ud800")))
    assert run.verdicts[0].actual == "name \\ud800"


def test_secrets_are_in_no_text_of_the_file(tmp_path: Path) -> None:
    path, secret = tmp_path / "run.jsonl", 'to"ken passed'
    with Writer(path, secrets=[f"Bearer {secret}", secret, "passed"]) as writer:
        writer.append(HEADER)
        written = writer.append(
            verdict(
                actual=f"it said {secret}",
                evidence=(WireEntry(at=0, direction="sent", text=json.dumps({"auth": secret})),),
                requirements=(RequirementRef(id=secret, level="MUST", text="t", page="p"),),
            )
        )
    assert "ken passed" not in path.read_text()
    assert read(path).verdicts == (written,)
    assert read(path).verdicts[0].outcome == "passed"
    assert read(path).verdicts[0].actual == "it said [redacted]"


@pytest.mark.skipif(os.name == "nt", reason="modes of files are different there")
def test_the_file_is_replaced_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("something else")
    with Writer(path) as writer:
        writer.append(HEADER)
    assert read(path) == Run(header=HEADER)
