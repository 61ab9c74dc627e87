"""JSON Schema to Hypothesis: instances that are valid, and instances that are invalid in exactly one way.

Both directions are safe to accuse a server with. Valid instances keep to what every validator agrees on; invalid ones
break only rules that every validator enforces. Nothing is fetched, and a schema for which nothing can be built is
reported by `Unsatisfiable`, never passed over.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import FailedHealthCheck, HypothesisException
from hypothesis.strategies import SearchStrategy

from conformance.properties.json_schema_document import read
from conformance.properties.json_schema_model import Invalid, Unsatisfiable
from conformance.properties.json_schema_strategies import Builder

__all__ = ["Invalid", "Unsatisfiable", "valid"]

_TRIALS = settings(
    max_examples=5,
    database=None,
    derandomize=True,
    deadline=None,
    phases=(Phase.generate,),
    verbosity=Verbosity.quiet,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.differing_executors),
)

# Hypothesis refuses a run within a run of the same thread, and a caller may be within one. One thread serves all: the
# first run in each costs a garbage collection.
_ELSEWHERE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="json-schema-trial")


def valid(schema: Any, *, dialect: str | None = None) -> SearchStrategy[Any]:
    """Return instances that are valid under a schema, the ones with only required members simplest.

    `dialect` is `2020-12`, `2019-09`, `draft-07`, `draft-06` or `draft-04`; without it `$schema` decides, and else it
    is 2020-12.
    Raises Unsatisfiable where no instance exists or finding one is too dear.
    """
    document = read(schema, dialect)
    strategy = Builder(document).root()
    for judge in document.judges():
        strategy = strategy.filter(judge)
    _try_out(strategy)
    return strategy


def _try_out(strategy: SearchStrategy[Any]) -> None:
    """Draw a few values; raises Unsatisfiable where filters let too few of them through."""
    problems: list[HypothesisException] = []

    def run() -> None:
        @_TRIALS
        @given(strategy)
        def draw(_: Any) -> None:
            pass

        try:
            draw()
        except HypothesisException as problem:
            problems.append(problem)

    _ELSEWHERE.submit(run).result()
    if problems:
        rare = isinstance(problems[0], FailedHealthCheck)
        raise Unsatisfiable("valid instances are found too rarely" if rare else "no valid instance was found")
