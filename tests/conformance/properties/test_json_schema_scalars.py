from collections.abc import Callable
from typing import Any

import pytest

from conformance.properties.json_schema_model import Unsatisfiable
from conformance.properties.json_schema_scalars import SAFE, integers, numbers, strings

Draw = Callable[..., list[Any]]


def test_unbounded_integers_stay_where_every_implementation_is_exact(drawn: Draw) -> None:
    assert all(-SAFE <= number <= SAFE for number in drawn(integers({}), 200))


@pytest.mark.parametrize(
    ("flat", "low", "high"),
    [
        ({"minimum": 0.5, "maximum": 2.5}, 1, 2),
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 3}, 1, 2),
        ({"minimum": 2**60}, 2**60, 2**60 + 1000),
        ({"maximum": -(2**60)}, -(2**60) - 1000, -(2**60)),
        ({"format": "uint8"}, 0, 255),
        ({"multipleOf": 10, "minimum": 5, "maximum": 29}, 10, 20),
        ({"multipleOf": 1.5, "minimum": 1, "maximum": 4}, 3, 3),
    ],
)
def test_integers_keep_to_their_bounds(flat: dict[str, Any], low: int, high: int, drawn: Draw) -> None:
    found = drawn(integers(flat), 40)
    assert all(low <= number <= high for number in found)
    assert low in found


def test_numbers_are_whole_or_have_six_places(drawn: Draw) -> None:
    found = drawn(numbers({"minimum": -10, "maximum": 10}), 100)
    assert {type(number) for number in found} == {int, float}
    assert all(round(number, 6) == number for number in found)
    assert "-0.0" not in {repr(number) for number in found}


def test_numbers_between_narrow_bounds_are_found(drawn: Draw) -> None:
    assert all(1e-9 < number < 2e-9 for number in drawn(numbers({"exclusiveMinimum": 1e-9, "exclusiveMaximum": 2e-9})))
    assert drawn(numbers({"minimum": 0.1, "maximum": 0.1, "multipleOf": 0.1}), 2) == [0.1]


@pytest.mark.parametrize("flat", [{"minimum": 2, "maximum": 1}, {"exclusiveMinimum": 1, "exclusiveMaximum": 1}])
def test_bounds_that_cross_leave_no_number(flat: dict[str, Any]) -> None:
    for make in (integers, numbers):
        with pytest.raises(Unsatisfiable):
            make(flat)


def test_bounded_strings_reach_both_ends_and_count_the_same_in_every_encoding(drawn: Draw) -> None:
    found = drawn(strings({"minLength": 2, "maxLength": 200}, ascii_only=False), 60)
    assert {2, 200} <= {len(text) for text in found}
    assert all(len(text.encode("utf-16-le")) == 2 * len(text) for text in found)


def test_strings_that_a_pattern_judges_elsewhere_are_ascii(drawn: Draw) -> None:
    assert all(text.isascii() for text in drawn(strings({}, ascii_only=True)))
    assert not all(text.isascii() for text in drawn(strings({}, ascii_only=False)))


def test_a_pattern_that_refuses_the_usual_form_of_a_format_wins(drawn: Draw) -> None:
    flat = {"format": "date-time", "pattern": r"^\d{4}\Z"}
    assert all(len(text) == 4 for text in drawn(strings(flat, ascii_only=True)))
