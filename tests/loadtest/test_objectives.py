"""Objectives: text that says what it means, judgements with a margin, refusals that teach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.objectives import SYNTAX, Measured, evaluate, parse_objective


def measured(**changes: object) -> Measured:
    facts = {
        "percentile": lambda percent: percent / 1000,
        "mean": 0.02,
        "maximum": 0.5,
        "error_share": 0.01,
        "rate": 150,
    }
    return Measured(**(facts | changes))  # type: ignore[arg-type]  # facts of many types


@pytest.mark.parametrize(
    ("text", "metric", "limit"),
    [
        ("p99<100ms", "p99", 0.1),
        (" p99.9 <= 1.5 s ", "p99.9", 1.5),
        ("p50<250us", "p50", 0.00025),
        ("max<1s", "max", 1.0),
        ("mean<=20ms", "mean", 0.02),
        ("errors<0.1%", "errors", 0.001),
        ("errors<=0", "errors", 0.0),
        ("rate>200/s", "rate", 200.0),
    ],
)
def test_an_objective_is_read_into_base_units(text: str, metric: str, limit: float) -> None:
    objective = parse_objective(text)
    assert (objective.metric, objective.text) == (metric, text.strip())
    assert objective.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "met", "value", "margin"),
    [
        ("p99<100ms", True, 0.099, 0.01),
        ("p99<50ms", False, 0.099, -0.98),
        ("p50<=50ms", True, 0.05, 0.0),
        ("p50<50ms", False, 0.05, 0.0),
        ("max<1s", True, 0.5, 0.5),
        ("errors<2%", True, 0.01, 0.5),
        ("errors<=0", False, 0.01, None),
        ("rate>100/s", True, 150, 0.5),
        ("rate>=300/s", False, 150, -0.5),
    ],
)
def test_a_run_is_judged_with_a_margin(text: str, met: bool, value: float, margin: float | None) -> None:
    verdict = evaluate(parse_objective(text), measured())
    assert verdict.met is met
    assert verdict.measured == pytest.approx(value)
    assert verdict.margin == (None if margin is None else pytest.approx(margin))


def test_a_latency_that_was_not_measured_is_not_met() -> None:
    verdict = evaluate(parse_objective("p99<1s"), measured(percentile=lambda _: None))
    assert (verdict.met, verdict.measured, verdict.margin) == (False, None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fast", "cannot be read"),
        ("p99<100", "p99 is given in us or µs or ms or s"),
        ("p99>100ms", "p99 is bounded with <"),
        ("rate<200/s", "rate is bounded with >"),
        ("errors<1ms", "errors is given in %"),
        ("errors<200%", "a share of all requests, 100 % at most"),
        ("p0<1ms", "a percentile lies above 0"),
        ("p100.5<1ms", "a percentile lies above 0 and up to 100"),
        ("latency<1ms", "there is no metric 'latency'"),
        ("p99<-1ms", "cannot be read"),
    ],
)
def test_a_refusal_is_one_line_that_teaches_the_syntax(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="cannot be read") as refusal:
        parse_objective(text)
    message = str(refusal.value)
    assert reason in message
    assert message.endswith(SYNTAX)
    assert "\n" not in message


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        objective = parse_objective(text)
    except ValueError:
        return
    assert objective.limit >= 0


@pytest.mark.parametrize(("text", "facts"), [("errors<1%", {"error_share": None}), ("mean<1s", {"mean": None})])
def test_what_was_not_measured_is_missed_and_has_no_value(text: str, facts: dict[str, object]) -> None:
    verdict = evaluate(parse_objective(text), measured(**facts))
    assert (verdict.met, verdict.measured) == (False, None)


@pytest.mark.parametrize(
    ("text", "operation", "metric"),
    [
        ("search: p99<100ms", "search", "p99"),
        ("tools/call search:errors<1%", "tools/call search", "errors"),
        ("resources/read file:///a.md: max<1s", "resources/read file:///a.md", "max"),
        ("p99<100ms", "", "p99"),
    ],
)
def test_an_objective_names_the_operation_that_it_is_about(text: str, operation: str, metric: str) -> None:
    read = parse_objective(text)
    assert (read.operation, read.metric, read.text) == (operation, metric, text)


def test_a_colon_with_no_operation_before_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no operation stands before the colon"):
        parse_objective(": p99<100ms")
