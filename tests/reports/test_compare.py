"""Two runs held against each other, as a whole: what fails anew, what stands between them, and how it is told."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from reports.compare import compare
from reports.compare_console import render_comparison
from reports.compare_markdown import comparison_markdown
from reports.compare_words import conclusion
from reports.comparison import Comparison
from reports.records import Advertised, Finding, Footer, Header, Run, Surface, Target, Verdict
from tests.reports.loads import drawn, load_of

OLD, NEW = "2025-06-18", "2025-11-25"


def verdict(check: str, outcome: Any, revision: str = NEW, level: Any = "MUST", **changes: Any) -> Verdict:
    place = {"transport": "stdio", "title": f"{check} does", "summary": f"{outcome} it"} | changes
    return Verdict(check=check, outcome=outcome, revision=revision, level=level, **place)


def run(*verdicts: Verdict, **changes: Any) -> Run:
    header = Header(
        touchstone=changes.pop("touchstone", "1.0"),
        command="touchstone check",
        target=Target(name="notes", transport="stdio", address="python server.py"),
        revisions=(OLD, NEW),
        started=datetime(2027, 1, 1, tzinfo=UTC),
        rules=changes.pop("rules", None),
        seed=changes.pop("seed", 1),
        environment=changes.pop("environment", {"machine": "x86_64"}),
    )
    footer = Footer(complete=True, counts={}, exit=0, seconds=1.0)
    return Run(header, verdicts, footer=footer, **changes)


def kinds(found: Comparison) -> list[tuple[str, str, bool]]:
    return [(each.kind, each.check, each.worse) for each in found.verdicts]


def test_each_kind_of_change_is_told_and_what_stays_is_not() -> None:
    before = run(
        *(verdict(check, "passed") for check in ("a", "b", "e", "same", "weak")),
        verdict("c", "failed"),
        verdict("d", "failed"),
    )
    after = run(
        *(
            verdict("a", "failed"),
            verdict("b", "blocked", cause="it died"),
            verdict("c", "passed"),
            verdict("d", "failed"),
        ),
        *(verdict("f", "failed"), verdict("same", "passed"), verdict("weak", "failed", level="SHOULD")),
    )
    found = compare(before, after)
    assert kinds(found) == [
        ("newly failing", "a", True),
        ("newly failing", "weak", False),
        ("newly blocked", "b", False),
        ("fixed", "c", False),
        ("only in B", "f", False),
        ("only in A", "e", False),
    ]
    assert found.verdicts[2].summary == "it died"
    assert found.judged_in_both == 6
    assert found.worse
    assert conclusion(found) == "B is worse: 1 newly failing check"


def test_the_line_between_worse_and_not_is_drawn_by_the_level_that_is_asked_for() -> None:
    before, after = (run(verdict("a", outcome, level="SHOULD")) for outcome in ("passed", "failed"))
    assert not compare(before, after).worse
    assert compare(before, after, fail_on="should").worse
    assert not compare(before, after, fail_on="never").worse


def test_the_same_change_at_several_places_is_one() -> None:
    before, after = (run(*(verdict("a", outcome, name) for name in (OLD, NEW))) for outcome in ("passed", "failed"))
    (change,) = compare(before, after).verdicts
    assert change.places == (f"{OLD}, {NEW} over stdio",)


def test_a_place_that_one_run_alone_tested_is_noted_and_not_compared() -> None:
    found = compare(run(verdict("a", "passed")), run(verdict("a", "passed"), verdict("a", "failed", OLD)))
    assert not found.verdicts
    assert not found.worse
    assert found.notes == (f"tested in B alone, and not compared: {OLD} over stdio",)


def test_versions_rules_seeds_and_runs_that_were_cut_short_are_noted() -> None:
    property_ = msgspec.convert(
        msgspec.to_builtins(verdict("p", "passed")) | {"kind": "finding", "property": "p"}, Finding
    )
    before = run(findings=(property_,))
    after = replace(run(touchstone="2.0", rules="2026.11", seed=2, findings=(property_,)), footer=None)
    notes = compare(before, after).notes
    assert [note.split(":")[0] for note in notes] == [
        "B did not come to its end",
        "judged by Touchstone 1.0 and 2.0",
        "judged by all rules and the rules of 2026.11",
        "the input was drawn by seeds 1 and 2",
    ]


def test_load_of_another_machine_is_not_compared() -> None:
    load = load_of([[5.0] * 100] * 5)
    found = compare(run(loads=(load,)), run(loads=(load,), environment={"machine": "arm64"}))
    assert found.loads[0].refused == ("the environments differ: machine x86_64 and arm64",)
    assert not found.conclusive
    assert conclusion(found) == "Nothing could be compared"


HOSTILE = "<img src=x> [a](http://b) \x1b[31m @somebody"


@pytest.fixture
def found() -> Comparison:
    def surface(*tools: str) -> Surface:
        items = tuple(Advertised(name=name, digest=name) for name in tools)
        return Surface(revision=NEW, transport="stdio", tools=items)

    chance = random.Random(4)
    loads = [load_of(drawn(chance, 20, 100, median, 0.2)) for median in (10.0, 20.0)]
    before = run(verdict("a", "passed"), loads=(loads[0],), surfaces=(surface("search", HOSTILE),))
    after = run(verdict("a", "failed", summary=HOSTILE), loads=(loads[1],), surfaces=(surface("search"),))
    return compare(before, after)


def test_the_terminal_shows_it_and_obeys_nothing(found: Comparison) -> None:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    render_comparison(found, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "newly failing" in text
    assert "breaking" in text
    assert "p50" in text
    assert "99 % interval" in text
    assert "\x1b" not in text
    said = "B is worse: 1 newly failing check, 1 breaking change, p50 worse, p99 worse"
    assert text.rstrip().endswith(said)


def test_markdown_begins_with_the_verdict_and_obeys_nothing(found: Comparison) -> None:
    text = comparison_markdown(found)
    assert text.startswith("## ❌ B is worse: 1 newly failing check, 1 breaking change, p50 worse, p99 worse\n")
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<table>" in page
    assert "<img" not in page
    assert "<a " not in page
    assert "<li><strong>newly failing</strong> MUST" in page


def test_a_run_does_not_differ_from_itself() -> None:
    same = run(verdict("a", "failed"), loads=(load_of(drawn(random.Random(1), 10, 100, 10.0, 0.3)),))
    result = compare(same, same)
    assert (result.worse, result.conclusive, result.verdicts) == (False, True, ())
    assert conclusion(result) == "B is not worse, as far as can be told"
