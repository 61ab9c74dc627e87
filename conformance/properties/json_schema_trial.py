"""A few draws from a strategy before anybody relies on it: filters that let too little through are found out early."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import FailedHealthCheck, HypothesisException
from hypothesis.strategies import SearchStrategy

_TRIALS = settings(
    max_examples=5,
    database=None,
    derandomize=True,
    deadline=None,
    phases=(Phase.generate,),
    verbosity=Verbosity.quiet,
    # Whether a run is slow depends on the machine, and the same schema must always give the same answer.
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.differing_executors),
)

# Hypothesis refuses a run within a run of the same thread, and a caller may be within one. One thread serves all: the
# first run in each costs a garbage collection.
_ELSEWHERE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="json-schema-trial")


def problem_of(strategy: SearchStrategy[Any]) -> str | None:
    """Return why a strategy cannot be used, as a clause, or None where values come readily; the same in every run."""
    return _ELSEWHERE.submit(_run, strategy).result()


def _run(strategy: SearchStrategy[Any]) -> str | None:
    @_TRIALS
    @given(strategy)
    def draw(_: Any) -> None:
        pass

    try:
        draw()
    except FailedHealthCheck:
        return "valid instances are found too rarely"
    except HypothesisException:
        return "no valid instance was found"
    return None
