"""Plans: valid once built, the same on the other side of a pipe."""

from typing import Any

import pytest

from loadtest.objectives import parse_objective
from loadtest.workload import (
    ClosedModel,
    HttpTarget,
    LoadPlan,
    OpenModel,
    Operation,
    StdioTarget,
    Workload,
    decode_plan,
    encode_plan,
)

ECHO = Operation(name="echo", method="tools/call", params={"name": "echo", "arguments": {"text": "{n}"}}, echoes=True)


def plan(**changes: Any) -> LoadPlan:
    facts: dict[str, Any] = {
        "target": HttpTarget(url="http://127.0.0.1:8000/mcp", headers={"authorization": "Bearer x"}),
        "revision": "2026-07-28",
        "workload": Workload(name="echo", operations=(ECHO,)),
        "model": OpenModel(rate=100),
        "duration": 10.0,
        "objectives": (parse_objective("p99<100ms"),),
    }
    return LoadPlan(**(facts | changes))


@pytest.mark.parametrize(
    "subject",
    [
        plan(),
        plan(model=ClosedModel(users=3, think=0.5)),
        plan(target=StdioTarget(argv=("node", "index.js"), env={"A": "b"}, process_each=True), revision="2024-11-05"),
    ],
)
def test_a_plan_survives_the_way_to_the_locust_process(subject: LoadPlan) -> None:
    line = encode_plan(subject)
    assert b"\n" not in line
    assert decode_plan(line) == subject


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: plan(revision="2020-01-01"), "no revision '2020-01-01'"),
        (lambda: plan(revision="2024-11-05"), "no Streamable HTTP"),
        (lambda: plan(duration=0), "duration and timeout"),
        (lambda: plan(warm_up=-1), "cannot be negative"),
        (lambda: HttpTarget(url="ftp://host/"), "no http"),
        (lambda: HttpTarget(url="http://host/", headers={"x": "a\r\nb"}), "header 'x'"),
        (lambda: StdioTarget(argv=()), "empty"),
        (lambda: OpenModel(rate=0), "rate"),
        (lambda: OpenModel(rate=1, users=0), "at least one user"),
        (lambda: ClosedModel(users=0), "at least one user"),
        (lambda: ClosedModel(users=1, think=-1), "think"),
        (lambda: Workload(name="w", operations=()), "at least one operation"),
        (lambda: Workload(name="w", operations=(ECHO, ECHO)), "different names"),
        (lambda: Operation(name="", method="m"), "a name and a method"),
        (lambda: Operation(name="a", method="m", weight=0), "weight"),
    ],
)
def test_what_makes_no_run_is_refused_with_a_reason(build: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        build()


def test_a_plan_with_unknown_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown field"):
        decode_plan(encode_plan(plan())[:-1] + b',"spead":1}')
