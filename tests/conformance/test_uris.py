"""What is a URI, as far as its form tells."""

from __future__ import annotations

import pytest

from conformance.uris import is_uri, scheme


@pytest.mark.parametrize("text", ["a:b", "file:///a%20b", "https://example.com/?a=[b]", "git+ssh://a/b#c"])
def test_uris_are_a_scheme_and_its_rest(text: str) -> None:
    assert is_uri(text)


@pytest.mark.parametrize("text", ["", "a", "/a/b", "no uri", "a:b c", "1a:b", "a:%zz", "a:{b}"])
def test_anything_else_is_none(text: str) -> None:
    assert not is_uri(text)


def test_a_scheme_is_the_same_in_any_case() -> None:
    assert scheme("HTTPS://example.com") == "https"
    assert scheme("no scheme") == ""
