"""Patterns."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.security.patterns import covers, exactly


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("*", "anything/at all\n", True),
        ("", "", True),
        ("", "a", False),
        ("files/*", "files/read", True),
        ("files/*", "files_evil/read", False),
        ("*/delete*", "a/b/delete_all", True),
        ("?", "", False),
        ("a?c", "abc", True),
        ("[a]", "a", False),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("a*b*c", "aXbYbc", True),
        ("a*?", "a", False),
    ],
)
def test_a_pattern_fits_all_of_a_text(pattern, text, fits):
    assert covers(pattern, text) is fits


SOME = st.text(alphabet="ab*?\\[]./\n", max_size=12)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(SOME, SOME)
def test_it_agrees_with_a_regular_expression(pattern, text):
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    known = {"*": ".*", "?": "."}
    form = "".join(known.get(part) or re.escape(part[-1] if len(part) == 2 else part) for part in parts)
    assert covers(pattern, text) is bool(re.fullmatch(form, text, re.DOTALL))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(SOME, SOME)
def test_an_exact_pattern_fits_its_text_alone(text, other):
    assert covers(exactly(text), text)
    assert covers(exactly(text), other) is (text == other)


def test_no_pattern_takes_long():
    began = time.process_time()
    assert not covers("*a" * 200 + "b", "a" * 2000)
    assert time.process_time() - began < 5
