from collections.abc import Callable
from typing import Any

import pytest

from conformance.properties.json_schema import Unsatisfiable, valid

Draw = Callable[..., list[Any]]


def test_a_tuple_is_whole_more_often_than_short(drawn: Draw) -> None:
    schema = {"type": "array", "prefixItems": [{"type": "null"}] * 3}
    lengths = [len(value) for value in drawn(valid(schema), 60)]
    assert max(lengths) == 3
    assert min(lengths) < 3


def test_long_arrays_are_shortened_but_never_below_their_least(drawn: Draw) -> None:
    schema = {"type": "array", "items": {"type": "boolean"}, "minItems": 30, "maxItems": 1000}
    assert {len(value) for value in drawn(valid(schema))} <= set(range(30, 36))


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "array", "prefixItems": [False], "minItems": 1}, "too few items"),
        ({"type": "array", "contains": True, "minContains": 3, "maxItems": 2}, "than maxItems allows"),
        ({"type": "array", "prefixItems": [True], "contains": True, "maxItems": 1}, "within prefixItems"),
    ],
)
def test_counts_that_cannot_be_met_say_why(schema: Any, reason: str) -> None:
    with pytest.raises(Unsatisfiable, match=reason):
        valid(schema)
