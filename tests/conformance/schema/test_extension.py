"""Our types of the tasks extension against its own schema, both ways."""

import random
from functools import cache

import pytest

from conformance.schema import document, violations

from .errata import Definitions
from .instances import instances, mutants
from .official import EXTENSION_TYPES, canonical, corrected, extension, validator

REVISION = "2026-07-28"
REQUESTS = [name for name in EXTENSION_TYPES if name.endswith("Request")]


@cache
def theirs() -> Definitions:
    """The schema of the extension, its copies of core types replaced by the core protocol's own, and its requests
    given the metadata that every request of the revision carries (`basic/index#_meta`)."""
    found = {**extension(), **corrected(REVISION)}
    found["CreateTaskResult"], found["Task"] = extension()["CreateTaskResult"], extension()["Task"]
    for name in REQUESTS:
        parts = found[name]["allOf"]
        parts[1]["properties"]["params"] = {
            "allOf": [{"$ref": "#/$defs/RequestParams"}, parts[1]["properties"]["params"]]
        }
    return found


def test_every_type_of_the_extension_is_transcribed():
    assert set(EXTENSION_TYPES) == extension().keys() - corrected(REVISION).keys()


@pytest.mark.parametrize("name", EXTENSION_TYPES)
def test_a_type_of_the_extension_means_the_same(name):
    ours = document(REVISION)["$defs"]
    assert canonical(ours[name], ours) == canonical(theirs()[name], theirs())


@pytest.mark.parametrize("name", EXTENSION_TYPES)
def test_both_schemas_agree_on_values_and_their_mutants(name):
    judge, chance = validator(theirs(), name), random.Random(name)
    samples = instances(name, document(REVISION)["$defs"])
    values = [one for sample in samples for one in [sample, *mutants(sample, chance, most=20)]]
    assert [value for value in values if judge.is_valid(value) == bool(violations(REVISION, name, value))] == []
    assert any(violations(REVISION, name, value) for value in values)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_extensions_own_schema_forgets_the_metadata_of_requests(name):
    params = {"taskId": "t", "inputResponses": {}}
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": f"tasks/{name.removesuffix('TaskRequest').lower()}",
        "params": params,
    }
    assert validator(extension(), name).is_valid(request)
    assert [violation.message for violation in violations(REVISION, name, request)] == ["member '_meta' is missing"]
