"""Sets of rules that a gate pins: what came later is not in them, and nothing is stricter than it was."""

from __future__ import annotations

import re

import pytest

from conformance.catalogue import LEVELS
from conformance.rulesets import RuleSet, current, named, names


def test_every_set_is_named_by_its_month_and_holds_levels() -> None:
    assert names()
    for name in names():
        assert re.fullmatch(r"\d{4}\.\d\d", name)
        assert set(named(name).levels.values()) <= set(LEVELS)


def test_a_check_of_the_newest_set_is_still_there_or_it_was_taken_back() -> None:
    # One that was found to accuse the innocent is dropped; the set keeps its name, which judges nothing any more.
    dropped: set[str] = set()
    assert set(named(names()[-1]).levels) - set(current()) == dropped


def test_a_check_that_came_later_is_none_of_the_set() -> None:
    assert RuleSet("2026.01", {"base.old": "MUST"}).level("base.new", "MUST") is None


@pytest.mark.parametrize(
    ("pinned", "now", "level"), [("SHOULD", "MUST", "SHOULD"), ("MUST", "SHOULD", "SHOULD"), ("MUST", "MUST", "MUST")]
)
def test_the_weaker_of_then_and_now_counts(pinned: str, now: str, level: str) -> None:
    assert RuleSet("2026.01", {"base.old": pinned}).level("base.old", now) == level


def test_a_set_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(LookupError, match=names()[-1]):
        named("1999.01")
