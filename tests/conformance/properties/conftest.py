"""What the tests of the strategies share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

# Written by hand, a case each; and as tools of real servers publish them, without words for people.
SCHEMAS: dict[str, Any] = {
    name: schema
    for file in ("schemas.json", "published.json")
    for name, schema in json.loads(Path(__file__).with_name(file).read_text(encoding="utf-8")).items()
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "schema_name" in metafunc.fixturenames:
        metafunc.parametrize("schema_name", SCHEMAS)


@pytest.fixture
def schema(schema_name: str) -> Any:
    return SCHEMAS[schema_name]


@pytest.fixture
def drawn() -> Callable[..., list[Any]]:
    """The first values of a strategy, the same in every run; poor strategies fail Hypothesis' health checks."""

    def draw(strategy: SearchStrategy[Any], count: int = 15) -> list[Any]:
        values: list[Any] = []

        @settings(
            max_examples=count,
            database=None,
            derandomize=True,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(strategy)
        def collect(value: Any) -> None:
            values.append(value)

        collect()
        return values

    return draw
