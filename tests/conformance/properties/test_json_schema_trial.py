from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.properties.json_schema import valid
from conformance.properties.json_schema_trial import problem_of


def test_a_strategy_whose_values_come_readily_has_no_problem() -> None:
    assert problem_of(st.integers()) is None


def test_filters_that_let_too_little_through_are_a_problem() -> None:
    assert problem_of(st.integers(0, 10**6).filter(lambda number: str(number) == "27" * 3)) is not None
    assert problem_of(st.nothing()) == "no valid instance was found"


@settings(max_examples=2, database=None, derandomize=True)
@given(st.data())
def test_a_strategy_can_be_made_within_a_run(data: st.DataObject) -> None:
    assert data.draw(valid({"type": "null"})) is None
