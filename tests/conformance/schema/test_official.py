"""Our message types against the official schema and its examples, both ways."""

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from conformance.schema import Violation, definitions, document, violations
from conformance.schema.explain import shown

from .errata import ERRATA
from .instances import instances, mutants
from .official import EXTENSION_TYPES, REVISIONS, canonical, corrected, examples, official, validator

EVERY_REVISION = pytest.mark.parametrize("revision", REVISIONS)


# Types that a later revision names, and that the earlier ones have without a name.
NAMED_LATER = {
    "Annotations",
    "ContentBlock",
    "Error",
    "JSONRPCErrorResponse",
    "JSONRPCResultResponse",
    "LegacyTitledEnumSchema",
}


# Parameters that the schema of the extension writes down in place.
PARAMETERS_OF_EXTENSION = {"TaskRequestParams", "UpdateTaskRequestParams"}


@EVERY_REVISION
def test_both_schemas_define_the_same_types(revision):
    ours, theirs = definitions(revision), official(revision).keys()
    parameters = {name for name in ours if name.endswith("Params")}
    assert theirs - ours == set()
    if revision < "2025-11-25":
        assert ours - theirs <= NAMED_LATER | parameters
    else:
        assert ours - theirs <= ({*EXTENSION_TYPES, *PARAMETERS_OF_EXTENSION} if revision == "2026-07-28" else set())


@EVERY_REVISION
def test_every_definition_means_the_same_once_the_errata_are_corrected(revision):
    ours, theirs = document(revision)["$defs"], corrected(revision)
    assert [name for name in theirs if canonical(ours[name], ours) != canonical(theirs[name], theirs)] == []


@pytest.mark.parametrize(
    ("erratum", "revision"),
    [
        pytest.param(erratum, revision, id=f"{erratum.name}-{revision}")
        for erratum in ERRATA
        for revision in erratum.revisions
    ],
)
class TestErratum:
    def test_lets_the_official_schema_reject_what_is_right(self, erratum, revision):
        for name, value in erratum.wrongly_rejected:
            assert violations(revision, name, value) == []
            assert not validator(official(revision), name).is_valid(value)
            assert validator(corrected(revision, (erratum,)), name).is_valid(value)

    def test_lets_the_official_schema_accept_what_is_wrong(self, erratum, revision):
        for name, value in erratum.wrongly_accepted:
            assert violations(revision, name, value) != []
            assert validator(official(revision), name).is_valid(value)
            assert not validator(corrected(revision, (erratum,)), name).is_valid(value)


def test_every_erratum_is_shown_by_a_value():
    assert all(erratum.wrongly_rejected or erratum.wrongly_accepted for erratum in ERRATA)


# It lacks the caching hints that its result has to have, and passes as an `InputRequiredResult` that requires no input.
FAULTY_EXAMPLE = ("ReadResourceResultResponse", "read-resource-result-response.json")


def test_every_published_example_but_a_faulty_one_conforms_to_our_schema():
    refused = [(name, file) for name, file, value in examples() if violations("2026-07-28", name, value)]
    assert refused == [FAULTY_EXAMPLE]


def test_the_faulty_example_holds_a_result_that_both_schemas_reject():
    (response,) = (value for name, file, value in examples() if (name, file) == FAULTY_EXAMPLE)
    missing = [violation.message for violation in violations("2026-07-28", "ReadResourceResult", response["result"])]
    assert missing == ["member 'cacheScope' is missing", "member 'ttlMs' is missing"]
    assert not validator(official("2026-07-28"), "ReadResourceResult").is_valid(response["result"])


def test_every_published_example_conforms_to_the_official_schema():
    theirs = official("2026-07-28")
    refused = [(name, file) for name, file, value in examples() if not validator(theirs, name).is_valid(value)]
    assert refused == []


@dataclass(frozen=True, slots=True)
class Judged:
    """One value under both schemas."""

    definition: str
    value: Any
    ours: list[Violation]
    theirs: bool


@cache
def judges(revision: str) -> dict[str, Draft202012Validator]:
    """A validator of the corrected official schema for each definition."""
    theirs = corrected(revision)
    return {name: validator(theirs, name) for name in sorted(theirs)}


@cache
def judged(revision: str) -> list[Judged]:
    """Every definition's instances, the published examples of it, and mutants of both, judged twice."""
    theirs = corrected(revision)
    found: list[Judged] = []
    for name, judge in judges(revision).items():
        chance = random.Random(name)
        samples = instances(name, theirs) + [value for definition, _, value in examples() if definition == name]
        values = [one for sample in samples for one in [sample, *mutants(sample, chance, most=12)]]
        found += [Judged(name, one, violations(revision, name, one), judge.is_valid(one)) for one in values]
    return found


@EVERY_REVISION
def test_both_schemas_agree_on_every_value_and_its_mutants(revision):
    assert [(case.definition, case.value) for case in judged(revision) if bool(case.ours) == case.theirs] == []


@EVERY_REVISION
def test_every_definition_accepts_something(revision):
    assert {case.definition for case in judged(revision) if not case.ours} == official(revision).keys()


@EVERY_REVISION
def test_every_definition_but_json_itself_rejects_something(revision):
    rejecting = {case.definition for case in judged(revision) if case.ours}
    assert official(revision).keys() - rejecting == {"JSONValue"} & definitions(revision)


@EVERY_REVISION
def test_every_violation_points_into_the_value_and_says_what_is_wrong_there(revision):
    for case in judged(revision):
        for violation in case.ours:
            part = case.value
            for step in violation.pointer.split("/")[1:]:
                part = part[int(step) if isinstance(part, list) else step.replace("~1", "/").replace("~0", "~")]
            missing = violation.keyword in {"required", "anyOf"}
            assert isinstance(part, dict) if missing else violation.message.startswith(shown(part))


NAMES = ["type", "text", "id", "uri"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@EVERY_REVISION
def test_both_schemas_agree_where_a_member_holds_any_json(revision):
    theirs = corrected(revision)

    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(name=st.sampled_from(sorted(theirs)), alien=JSON, data=st.data())
    def agree(name: str, alien: Any, data: st.DataObject) -> None:
        value = data.draw(st.sampled_from(instances(name, theirs)))
        if isinstance(value, dict) and value:
            value = value | {data.draw(st.sampled_from(sorted(value))): alien}
        assert judges(revision)[name].is_valid(value) == (violations(revision, name, value) == [])

    agree()
