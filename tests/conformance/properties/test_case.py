"""A case is a value: stored as a line of JSON, it comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.properties.case import Case, readable
from conformance.properties.expectation import Expectation

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.sampled_from(Expectation), values, st.booleans())
def test_a_message_comes_back_as_it_was(label: str, expectation: Expectation, message: Any, exact: bool) -> None:
    case = Case(label, expectation, message, exact_id=exact)
    assert Case.from_json(case.to_json()) == case
    assert "\n" not in case.to_json()


@given(st.lists(st.binary(), min_size=1, max_size=4).map(tuple))
def test_bytes_come_back_as_they_were(chunks: tuple[bytes, ...]) -> None:
    case = Case("cut", Expectation.ANSWER, chunks=chunks, requests=({"id": 1, "method": "ping"},))
    assert Case.from_json(case.to_json()) == case


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", '{"label": "x", "expectation": "NONE"}', '{"label": 1}', "{"])
def test_what_is_no_case_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any wording
        Case.from_json(text)


@pytest.mark.parametrize(
    ("message", "asks"),
    [
        ({"id": 1, "method": "x"}, True),
        ({"id": "", "method": "x"}, True),
        ({"id": None, "method": "x"}, False),
        ({"id": True, "method": "x"}, False),
        ({"id": [1], "method": "x"}, False),
        ({"method": "x"}, False),
        ([{"id": 1}], False),
        (None, False),
    ],
)
def test_an_answer_is_due_where_the_id_can_be_echoed(message: Any, asks: bool) -> None:
    assert Case("x", Expectation.ANSWER, message).asks is asks


def test_a_boolean_is_no_id() -> None:
    assert [readable(value) for value in (0, 1, "", False, True, None, 1.0)] == [True, True, True, *[False] * 4]
