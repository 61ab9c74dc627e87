import re
from collections.abc import Callable
from typing import Any

import pytest

from conformance.properties.json_schema_model import Unsatisfiable
from conformance.properties.json_schema_patterns import is_native, matching, translate

Draw = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        ("^a$", r"^a\Z"),
        (r"\$[$]", r"\$[$]"),
        (r"(?<year>\d{4})-\k<year>", r"(?P<year>\d{4})-(?P=year)"),
        (r"(?<=a)b(?<!c)", r"(?<=a)b(?<!c)"),
        (r"\p{Lu}[\p{L}\d]", "[A-Z][A-Za-z\\d]"),
        (r"\P{L}", "[^A-Za-z]"),
        (r"\u{1F600}", "\U0001f600"),
        (r"\cJ", r"\x0a"),
        ("[[a&&b]", r"[\[a\&\&b]"),
        (r"a\/b\z", r"a\/b\Z"),
    ],
)
def test_patterns_are_written_the_way_python_reads_them(pattern: str, translated: str) -> None:
    assert translate(pattern) == translated
    assert is_native(translated)


@pytest.mark.parametrize("pattern", ["(", "a**", r"\p{Script=Greek}", r"[\P{L}]", "(?<!a*)b"])
def test_patterns_without_an_equal_are_refused(pattern: str) -> None:
    with pytest.raises(Unsatisfiable):
        translate(pattern)


def test_an_end_does_not_match_before_a_line_feed() -> None:
    assert re.search(translate("^a$"), "a\n") is None


@pytest.mark.parametrize(
    ("pattern", "shortest", "longest"),
    [("^[a-z]+$", 30, 40), (r"^\d{2,}$", 0, 2), ("^.*$", 3, 3), ("ab", 0, 9), ("^[a-z]{3}$", 3, 3), ("^(ab)*$", 4, 6)],
)
def test_matching_strings_keep_to_the_lengths(pattern: str, shortest: int, longest: int, drawn: Draw) -> None:
    translated = translate(pattern)
    for text in drawn(matching(translated, shortest, longest)):
        assert re.search(translated, text)
        assert shortest <= len(text) <= longest


def test_matching_strings_are_printable_ascii_unless_the_pattern_names_others(drawn: Draw) -> None:
    assert all(text.isascii() and text.isprintable() for text in drawn(matching(r"\w[^a]")))
    assert set(drawn(matching("^[\xe9]\\Z"), 5)) == {"\xe9"}


@pytest.mark.parametrize(("pattern", "longest"), [("^[a-z]{9}$", 3), ("^[\x01]$", 5)])
def test_patterns_that_nothing_matches_are_unsatisfiable(pattern: str, longest: int) -> None:
    with pytest.raises(Unsatisfiable):
        matching(translate(pattern), 0, longest)
