"""What a finding of a property says at first sight: what happened, in a line, and the duty that it breaks."""

from __future__ import annotations

import pytest

from conformance.expect import Mismatch
from conformance.links import Gone, Silence
from conformance.properties.case import Case
from conformance.properties.every import PROPERTIES
from conformance.properties.expectation import Expectation
from conformance.properties.findings import finding
from conformance.properties.property import Ground
from conformance.properties.runner import Tried
from conformance.surface import Surface
from conformance.target import StdioTarget
from conformance.verdicts import Judged
from reference_impl.protocol.revisions import LATEST_LEGACY
from reports.records import Finding

_CASE = Case("page with valid arguments", Expectation.ANSWER, {"jsonrpc": "2.0", "id": 7, "method": "tools/call"})


def _found(mismatch: Mismatch, property_id: str = "property.arguments.valid") -> Finding:
    item = next(item for item in PROPERTIES if item.id == property_id)
    ground = Ground(LATEST_LEGACY, Surface(), {"tools": {}}, "stdio")
    return finding(item, ground, StdioTarget(("server",)), Tried(Judged("failed", mismatch=mismatch), (), _CASE), 1)


@pytest.mark.parametrize("property_id", [item.id for item in PROPERTIES])
@pytest.mark.parametrize("kind", [Gone, Silence])
def test_whatever_dies_or_hangs_breaks_the_duty_to_answer(kind: type[Mismatch], property_id: str) -> None:
    found = _found(kind("an answer to tools/call", "nothing more"), property_id)
    assert found.requirements[0].id == "base.response.every-request"


def test_a_wrong_answer_does_not_break_the_duty_to_answer() -> None:
    found = _found(Mismatch("a result valid by the schema", "content: missing"))
    assert "base.response.every-request" not in [row.id for row in found.requirements]


def test_the_last_words_of_the_dead_stand_in_the_evidence_not_in_the_headline() -> None:
    ending = "the process exited with status 1; it last wrote to standard error: Traceback\n  long\n  story"
    found = _found(Gone("an answer to tools/call", ending))
    assert found.summary == (
        "page with valid arguments: expected an answer to tools/call; got the process exited with status 1"
    )
    assert found.actual == ending


def test_a_long_answer_is_cut_in_the_headline() -> None:
    assert len(_found(Mismatch("a result", "x" * 5000)).summary) < 300
