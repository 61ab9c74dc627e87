"""Texts of strangers cannot move a cursor, hide, or turn the reading direction."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.text import excerpt, shorten, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve 日本 👋\n\tindented", "plain, naïve 日本 👋\n\tindented"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\rb\x00", "a\\x0db\\x00"),
        ("\x9b31m", "\\x9b31m"),
        ("safe\u202etxt.exe", "safe\\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\ud800 \uffff", "\\ud800 \\uffff"),
        ("tag\U000e0041", "tag\\U000e0041"),
    ],
)
def test_what_cannot_be_shown_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.text(st.characters(codec=None)))
def test_what_is_visible_stays_as_it_is(text: str) -> None:
    once = visible(text)
    assert visible(once) == once
    once.encode("utf-8")


def test_an_excerpt_counts_the_bytes_that_it_leaves_out() -> None:
    assert excerpt("éé".encode() + b"\xff" * 3, limit=2) == ("éé", 12)
    assert excerpt(b"abc\xff", limit=10) == ("abc\\xff", 0)
    assert excerpt("abcdef", limit=4) == ("abcd", 2)


def test_an_excerpt_never_cuts_a_secret_in_two() -> None:
    assert excerpt("key 0123456789", limit=14, secrets=["0123456789"]) == ("key [redacted]", 0)


def test_a_long_text_says_how_much_is_missing() -> None:
    assert shorten("short", 5) == "short"
    assert shorten("x" * 5000, 10) == "xxxxxxxxxx… (4,990 more characters)"
