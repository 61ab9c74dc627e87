"""JSON Schema to Hypothesis: instances that are valid, and instances that are invalid in exactly one way.

Both directions are safe to accuse a server with. Valid instances keep to what every validator agrees on; invalid ones
break only rules that every validator enforces. Nothing is fetched, and a schema for which nothing can be built is
reported by `Unsatisfiable`, never passed over.
"""

from typing import Any

from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.properties.json_schema_breaks import breaks, confirmed, put
from conformance.properties.json_schema_document import Document, read
from conformance.properties.json_schema_model import Invalid, Unsatisfiable, pointer
from conformance.properties.json_schema_strategies import Builder
from conformance.properties.json_schema_trial import problem_of

__all__ = ["OFTEN_STRIPPED", "Invalid", "Unsatisfiable", "minimally_invalid", "valid"]

# Keywords that forbid a member. Servers whose parser drops unknown members declare them and accept the request all the
# same: such a break is a defect of the declaration, not of the validation.
OFTEN_STRIPPED = frozenset({"additionalProperties", "unevaluatedProperties"})


def valid(schema: Any, *, dialect: str | None = None) -> SearchStrategy[Any]:
    """Return instances that are valid under a schema, the ones with only required members simplest.

    `dialect` is `2020-12`, `2019-09`, `draft-07`, `draft-06` or `draft-04`; without it `$schema` decides, and else it
    is 2020-12.
    Raises Unsatisfiable where no instance exists or finding one is too dear.
    """
    strategy = _valid(read(schema, dialect))
    if problem := problem_of(strategy):
        raise Unsatisfiable(problem)
    return strategy


def minimally_invalid(schema: Any, *, dialect: str | None = None, wrong_root: bool = True) -> SearchStrategy[Invalid]:
    """Return instances that were valid until one thing in them was broken, confirmed to be rejected for just that.

    Without `wrong_root` the instance itself keeps its type: arguments that are no object never reach a tool.
    Raises Unsatisfiable as `valid` does, and where the schema has no rule that can be broken safely.
    """
    document = read(schema, dialect)
    strategy = _broken(_valid(document), document, wrong_root=wrong_root)
    if problem_of(strategy):
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
                return Invalid(value, pointer(way.path), way.keyword, way.description, instance)
        return reject()

    return broken_instances()
