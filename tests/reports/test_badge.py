"""A badge says what a run showed, and never more."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import msgspec
import pytest

from reports.badge import badge_of, render_endpoint, render_svg
from reports.records import Run, conclude

SVG = "{http://www.w3.org/2000/svg}"


def ended(run: Run) -> Run:
    return replace(run, footer=conclude(replace(run, footer=None), seconds=1.0))


def typed(run: Run, command: str) -> Run:
    return replace(run, header=msgspec.structs.replace(run.header, command=command))


def at(run: Run, *revisions: str) -> Run:
    return replace(run, header=msgspec.structs.replace(run.header, revisions=revisions))


def test_a_badge_names_the_revisions_the_counts_and_the_version(clean_run: Run) -> None:
    badge = badge_of(at(clean_run, "2025-11-25"))
    assert badge.label == "MCP 2025-11-25"
    assert (badge.message, badge.colour) == ("28 checks passed (touchstone 0.1.0)", "brightgreen")
    assert badge_of(clean_run).label == "MCP, 5 revisions to 2026-07-28"
    assert "2026-09-14" in badge.title


def test_violations_are_counted_as_the_headline_counts_them(sample_run: Run) -> None:
    badge = badge_of(sample_run)
    assert badge.colour == "red"
    assert badge.message.startswith("3 violations, 1 missed objective, 29 checks passed, 5 not judged (")


def test_a_run_with_warnings_is_no_bright_green(clean_run: Run) -> None:
    warned = msgspec.structs.replace(clean_run.verdicts[0], outcome="failed", level="SHOULD", check="another")
    badge = badge_of(ended(replace(clean_run, verdicts=(*clean_run.verdicts, warned))))
    assert (badge.colour, "1 warning" in badge.message) == ("yellow", True)


def test_a_run_without_end_is_grey(clean_run: Run) -> None:
    interrupted = replace(clean_run, footer=conclude(clean_run, seconds=1.0, interrupted=True))
    for run in (replace(clean_run, footer=None), interrupted):
        assert badge_of(run).colour == "lightgrey"
        assert "cut short" in badge_of(run).message


def test_a_run_of_nothing_conclusive_is_grey(clean_run: Run) -> None:
    blocked = tuple(msgspec.structs.replace(row, outcome="blocked") for row in clean_run.verdicts[:3])
    badge = badge_of(ended(replace(clean_run, verdicts=blocked)))
    assert badge.colour == "lightgrey"
    assert "not judged" in badge.message


@pytest.mark.parametrize("option", ["--only tools.*", "--only=tools.*"])
def test_a_run_of_some_checks_alone_is_grey_and_says_so(clean_run: Run, option: str) -> None:
    badge = badge_of(typed(clean_run, f"touchstone check {option} -- node x.js"))
    assert (badge.colour, "some checks alone" in badge.message) == ("lightgrey", True)


def test_an_option_of_the_target_narrows_nothing(clean_run: Run) -> None:
    assert badge_of(typed(clean_run, "touchstone check -- node x.js --only this")).colour == "brightgreen"


def test_a_fault_of_ours_is_grey(clean_run: Run) -> None:
    broken = msgspec.structs.replace(clean_run.verdicts[0], outcome="broken", check="another")
    assert badge_of(ended(replace(clean_run, verdicts=(*clean_run.verdicts, broken)))).colour == "lightgrey"


def test_a_mild_exit_code_makes_no_green_badge(sample_run: Run) -> None:
    assert badge_of(replace(sample_run, footer=conclude(sample_run, seconds=1.0, fail_on="never"))).colour == "red"


def test_the_endpoint_is_what_shields_io_reads(sample_run: Run, clean_run: Run) -> None:
    told = json.loads(render_endpoint(clean_run))
    assert set(told) == {"schemaVersion", "label", "message", "color", "isError", "cacheSeconds"}
    assert (told["schemaVersion"], told["isError"]) == (1, False)
    assert json.loads(render_endpoint(sample_run))["isError"] is True


def test_the_picture_is_one_that_browsers_draw_and_screen_readers_read(sample_run: Run) -> None:
    badge = badge_of(sample_run)
    root = ET.fromstring(render_svg(sample_run))
    assert root.tag == f"{SVG}svg"
    assert root.get("aria-label") == f"{badge.label}: {badge.message}"
    assert [text.text for text in root.iter(f"{SVG}text")] == [badge.label, badge.message]
    left, right = (int(item.get("width", "0")) for item in root.findall(f"{SVG}g/{SVG}rect"))
    assert left + right == int(root.get("width", "0"))


def test_no_text_of_a_target_breaks_the_picture(clean_run: Run) -> None:
    header = msgspec.structs.replace(clean_run.header, revisions=('"><script>&\x00',), touchstone="</text>")
    run = replace(clean_run, header=header)
    assert ET.fromstring(render_svg(run)) is not None
    assert "<script>" not in render_svg(run)
