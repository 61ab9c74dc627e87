"""Every way in which a message can be wrong has cases that are labelled with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, find, settings

from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.formats import wrong_formats
from conformance.properties.framing import kinds
from conformance.properties.header_breaks import known_contradictions
from conformance.properties.messages import defects, request
from conformance.properties.property import Ground
from conformance.properties.stateless import invalid_arguments, known_near_valid
from conformance.properties.ways import WAYS, way_of, way_of_keyword
from conformance.surface import Surface
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision

Draw = Callable[..., list[Any]]
SOUND = request(LATEST_LEGACY, "ping")
ENOUGH = settings(
    database=None, derandomize=True, deadline=None, max_examples=2000, suppress_health_check=list(HealthCheck)
)
OF_KEYWORDS = ("type", "missing", "extra", "bounds")
"""The ways in which arguments can be wrong, whatever a target's tools are like."""


SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
        "day": {"type": "string", "format": "date"},
    },
    "required": ["count"],
    "additionalProperties": False,
}
TOOL = {"name": "look", "annotations": {"readOnlyHint": True}, "inputSchema": SCHEMA}


def _ground(revision: Revision) -> Ground:
    return Ground(
        revision, Surface(tools=[TOOL], resources=[{"uri": "file:///a"}]), {"tools": {}, "resources": {}}, "http"
    )


@pytest.mark.parametrize("revision", [LATEST_LEGACY, LATEST], ids=str)
def test_every_way_has_cases_on_a_server_with_tools_and_resources(revision: Revision) -> None:
    ground, sound = _ground(revision), request(revision, "tools/list")
    ways = {case.way for case in (*known_near_valid(ground), *known_contradictions(ground), *wrong_formats(ground))}
    ways |= {way_of(name) for name in (*defects(sound, revision), *kinds(sound))}
    invalid = invalid_arguments(ground)
    ways |= {find(invalid, partial(_is, way), settings=ENOUGH).way for way in OF_KEYWORDS}
    assert set(WAYS) <= ways, set(WAYS) - ways


def _is(way: str, case: Case) -> bool:
    return case.way == way


@pytest.mark.parametrize("revision", [LATEST_LEGACY, LATEST], ids=str)
def test_every_defect_of_a_request_is_wrong_in_a_way(revision: Revision) -> None:
    assert {name: way_of(name) for name in defects(request(revision, "tools/list"), revision) if not way_of(name)} == {}


def test_every_framing_that_is_not_sound_is_wrong_in_a_way(drawn: Draw) -> None:
    unsound = [
        label
        for label, strategy in kinds(SOUND).items()
        if any(made.expectation is not Expectation.ANSWER for made in drawn(strategy, 3))
    ]
    assert unsound
    assert all(way_of(label) for label in unsound)


def test_keywords_of_schemas_are_broken_in_ways_that_there_are() -> None:
    found = [way_of_keyword(keyword) for keyword in ("required", "enum", "minimum", "pattern", "items", "whatever")]
    assert found == ["missing", "value", "bounds", "format", "type", "type"]
