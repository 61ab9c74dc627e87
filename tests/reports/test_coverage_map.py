"""The map counts each check once for each area and revision, at its worst."""

import re

from reports.coverage_map import coverage_map
from reports.digest import area_of
from reports.html import render_html
from reports.records import Run

from .conftest import REVISIONS


def test_every_check_is_in_one_square_of_each_revision(sample_run: Run) -> None:
    revisions = tuple(sorted({each.revision for each in sample_run.judgements}))
    counted = sum(
        sum(square.counts.values())
        for area in coverage_map(sample_run.judgements, revisions)
        for square in area.squares
        if square
    )
    assert counted == len({(area_of(each), each.revision, each.check) for each in sample_run.judgements})


def test_a_square_with_a_failure_is_known_by_it(sample_run: Run) -> None:
    failed = next(each for each in sample_run.verdicts if each.outcome == "failed")
    areas = {area.name: area for area in coverage_map(sample_run.judgements, (failed.revision,))}
    square = areas[area_of(failed)].squares[0]
    assert square is not None
    assert square.worst == "failed"
    assert square.judged <= square.applicable


def test_a_revision_on_which_nothing_was_tried_has_no_square(sample_run: Run) -> None:
    assert {area.squares for area in coverage_map(sample_run.judgements, ("1999-01-01",))} == {(None,)}


def test_a_square_of_what_was_held_up_says_why_and_leads_to_what_would_change_it(sample_run: Run) -> None:
    squares = [each for area in coverage_map(sample_run.judgements, tuple(REVISIONS)) for each in area.squares if each]
    blocked = [square for square in squares if square.counts.get("blocked")]
    assert blocked
    assert all(square.reasons for square in blocked)
    assert not any(square.reasons for square in squares if set(square.counts) == {"passed"})
    document = render_html(sample_run)
    assert set(re.findall(r'href="#(blocked-\d+)"', document)) <= set(re.findall(r'id="(blocked-\d+)"', document))
    assert ", blocked: " in document
