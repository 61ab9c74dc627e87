"""Headers that contradict the body: which, where, what is asked of the answer, and that a server is caught by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from conformance.expect import Inapplicable
from conformance.patience import Patience
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.findings import case_of
from conformance.properties.header_breaks import HEADER_ROWS, contradicting_headers, known_contradictions
from conformance.properties.property import Ground
from conformance.properties.runner import FuzzPlan, run_properties
from conformance.scout import scout
from conformance.surface import Permission, Surface
from conformance.target import HttpTarget
from fixtures.miniatures import Bend, Miniature
from fixtures.miniatures.bend import HttpIn
from fixtures.miniatures.serve import target_of
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, R2025_03_26, Revision
from reports.records import Finding

Draw = Callable[..., list[Any]]
BRISK = Patience(start=30, answer=30, quiet=0.1, stop=1, check=60, run=120)
MIRRORING = {
    "name": "look",
    "annotations": {"readOnlyHint": True},
    "inputSchema": {
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "count": {"type": "integer", "x-mcp-header": "Count"},
            "deep": {"type": "object", "properties": {"flag": {"type": "boolean", "x-mcp-header": "Flag"}}},
        },
        "required": ["region"],
    },
}


def _ground(revision: Revision, transport: str = "http", *, dual_era: bool = False) -> Ground:
    surface = Surface(tools=[MIRRORING], resources=[{"uri": "file:///a", "name": "a"}], prompts=[{"name": "greet"}])
    return Ground(revision, surface, {"tools": {}, "resources": {}, "prompts": {}}, transport, dual_era)


def _known(ground: Ground) -> dict[str, Case]:
    return {case.label.partition(" where ")[2]: case for case in known_contradictions(ground)}


def test_every_header_that_mirrors_the_body_is_missing_once_and_different_once() -> None:
    known = _known(_ground(LATEST))
    spoiled = {name for case in known.values() for name in case.headers or ()}
    mirrored = {"mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-region", "mcp-param-count"}
    assert spoiled == mirrored
    for name in mirrored:
        values = [case.headers[name] for case in known.values() if case.headers and name in case.headers]
        assert None in values
        assert any(values)


def test_every_way_is_to_be_refused_by_a_row_of_the_catalogue_and_labelled(drawn: Draw) -> None:
    for case in drawn(contradicting_headers(_ground(LATEST)), 150):
        assert case.way == "header against body"
        assert (case.expectation, case.row in HEADER_ROWS) in {(Expectation.ERROR, True), (Expectation.REPLY, False)}
        assert Case.from_json(case.to_json()) == case


def test_no_header_that_is_drawn_says_the_same_as_the_body(drawn: Draw) -> None:
    for case in drawn(contradicting_headers(_ground(LATEST)), 200):
        ((name, value),) = case.headers.items()
        if name == "mcp-method":
            assert value != case.message["method"]
        if name == "mcp-name":
            params = case.message["params"]
            assert value is None or value not in (params.get("name"), params.get("uri"))


def test_a_server_of_both_eras_may_take_an_older_version_for_its_own() -> None:
    both = _known(_ground(LATEST, dual_era=True))
    alone = _known(_ground(LATEST))
    for what in ("MCP-Protocol-Version names an older revision than _meta", "MCP-Protocol-Version is missing"):
        assert (both[what].expectation, alone[what].expectation) == (Expectation.REPLY, Expectation.ERROR)
    assert both["MCP-Protocol-Version names no revision"].expectation is Expectation.ERROR


def test_of_a_session_only_a_version_of_nobodys_is_to_be_refused() -> None:
    known = _known(_ground(LATEST_LEGACY))
    assert {what: case.expectation for what, case in known.items()} == {
        "MCP-Protocol-Version names no revision": Expectation.ERROR,
        "MCP-Protocol-Version names another revision than was agreed on": Expectation.REPLY,
        "MCP-Protocol-Version is missing": Expectation.REPLY,
    }


@pytest.mark.parametrize(
    ("revision", "transport"),
    [(LATEST, "stdio"), (LATEST, "ws"), (LATEST_LEGACY, "sse"), (R2025_03_26, "http")],
    ids=str,
)
def test_where_no_header_says_what_the_body_says_there_is_nothing_to_try(revision: Revision, transport: str) -> None:
    with pytest.raises(Inapplicable):
        contradicting_headers(_ground(revision, transport))
    assert not list(known_contradictions(_ground(revision, transport)))


async def _fuzz(bend: Bend, revision: str) -> Finding:
    findings: list[Finding] = []
    async with target_of(Miniature("fuzzed", "", "is bent", bend, over="http")) as target:
        assert isinstance(target, HttpTarget)
        scouted = await scout(target, BRISK, Permission(), (revision,))
        plan = FuzzPlan(
            target,
            findings.append,
            revisions=(revision,),
            only=("property.headers",),
            patience=BRISK,
            examples=10,
            seed=1,
        )
        await run_properties(plan, scouted)
    (finding,) = findings
    return finding


def _names_in_any_case(http: HttpIn) -> HttpIn:
    """Take the name in a header for that in the body if they are the same but for their case."""
    params = json.loads(http.body).get("params", {}) if http.body else {}
    name = str(params.get("name") or params.get("uri"))
    alike = http.headers.get("mcp-name", "").casefold() == name.casefold()
    return replace(http, headers={**http.headers, "mcp-name": name}) if alike else http


def _without_methods(http: HttpIn) -> HttpIn:
    """Ask for no method in a header."""
    method = json.loads(http.body).get("method", "") if http.body else ""
    return replace(http, headers={**http.headers, "mcp-method": http.headers.get("mcp-method", method)})


def _any_version(http: HttpIn) -> HttpIn:
    """Take any version for the newest of the handshake era."""
    return replace(http, headers={**http.headers, "mcp-protocol-version": "2025-11-25"})


@pytest.mark.parametrize(
    ("wrong", "revision", "row"),
    [
        (_names_in_any_case, "2026-07-28", "http.mirror.match"),
        (_without_methods, "2026-07-28", "http.mirror.required"),
        (_any_version, "2025-11-25", "http.version.invalid"),
    ],
)
def test_a_server_that_does_not_mind_is_found_by_one_message(wrong: Any, revision: str, row: str) -> None:
    finding = anyio.run(_fuzz, Bend(request=wrong), revision)
    assert (finding.outcome, finding.confirmed) == ("failed", "confirmed"), finding.summary
    assert [each.id for each in finding.requirements] == [row]
    assert (finding.level, len(finding.conversation)) == ("MUST", 1)
    assert finding.summary.startswith("header against body: ")
    assert case_of(finding).headers


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_nothing_is_found_on_the_reference_server(revision: str) -> None:
    finding = anyio.run(_fuzz, Bend(), revision)
    assert finding.outcome == "passed", finding.summary
