"""JSON Schema to Hypothesis: instances that are valid, and instances that are invalid in exactly one way.

Both directions are safe to accuse a server with. Valid instances keep to what every validator agrees on; invalid ones
break only rules that every validator enforces. Nothing is fetched, and a schema for which nothing can be built is
reported by `Unsatisfiable`, never passed over.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, assume, given, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck, HypothesisException
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.properties.json_schema_breaks import breaks, confirmed, put
from conformance.properties.json_schema_document import Document, read
from conformance.properties.json_schema_model import Invalid, Unsatisfiable, pointer
from conformance.properties.json_schema_strategies import Builder

__all__ = ["OFTEN_STRIPPED", "Invalid", "Unsatisfiable", "minimally_invalid", "valid"]

# Keywords that forbid a member. Servers whose parser drops unknown members declare them and accept the request all the
# same: such a break is a defect of the declaration, not of the validation.
OFTEN_STRIPPED = frozenset({"additionalProperties", "unevaluatedProperties"})

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
    strategy = _valid(read(schema, dialect))
    if problem := _trial(strategy):
        rare = isinstance(problem, FailedHealthCheck)
        raise Unsatisfiable("valid instances are found too rarely" if rare else "no valid instance was found")
    return strategy


def minimally_invalid(schema: Any, *, dialect: str | None = None, wrong_root: bool = True) -> SearchStrategy[Invalid]:
    """Return instances that were valid until one thing in them was broken, confirmed to be rejected for just that.

    Without `wrong_root` the instance itself keeps its type: arguments that are no object never reach a tool.
    Raises Unsatisfiable as `valid` does, and where the schema has no rule that can be broken safely.
    """
    document = read(schema, dialect)
    strategy = _broken(_valid(document), document, wrong_root=wrong_root)
    if _trial(strategy):
        raise Unsatisfiable("no rule of the schema can be broken so that every validator notices")
    return strategy


def _valid(document: Document) -> SearchStrategy[Any]:
    built = Builder(document).root()
    for judge in document.judges():
        built = built.filter(judge)

    @st.composite
    def instances(draw: DrawFn) -> Any:  # a name that Hypothesis can print: the strategies within would fill pages
        return draw(built)

    return instances()


def _broken(whole: SearchStrategy[Any], document: Document, *, wrong_root: bool) -> SearchStrategy[Invalid]:
    @st.composite
    def broken_instances(draw: DrawFn) -> Invalid:
        instance = draw(whole)
        ways = [
            way for way in breaks(document.root, instance, document) if wrong_root or way.path or way.keyword != "type"
        ]
        assume(ways)
        keyword = draw(st.sampled_from(list(dict.fromkeys(way.keyword for way in ways))))
        first = draw(st.sampled_from([way for way in ways if way.keyword == keyword]))
        for way in [first, *ways]:  # what one branch of a union refuses another may take: then the next will do
            value = put(instance, way.path, way.value)
            if confirmed(document, way, value):
                return Invalid(value, pointer(way.path), way.keyword, way.description)
        return reject()

    return broken_instances()


def _trial(strategy: SearchStrategy[Any]) -> HypothesisException | None:
    """Draw a few values; return the problem where filters let too few of them through."""
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
    return problems[0] if problems else None
