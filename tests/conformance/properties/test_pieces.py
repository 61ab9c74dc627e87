"""A message in two pieces, over HTTP and a WebSocket: a server that reads each piece for itself is found."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import anyio
import pytest

from conformance.http_reply import chunked
from conformance.patience import Patience
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.findings import case_of
from conformance.properties.runner import FuzzPlan, run_case, run_properties
from conformance.scout import scout
from conformance.surface import Permission
from conformance.target import HttpTarget
from fixtures.miniatures import Bend, Miniature
from fixtures.miniatures.bend import HttpIn
from fixtures.miniatures.serve import target_of
from reference_impl.protocol.revisions import LATEST_LEGACY
from reports.records import Finding

BRISK = Patience(start=30, answer=30, quiet=0.1, stop=1, check=60, run=120)
TEXT = "\u00e9\u4e2d\U0001f600"
REPLACED = "\ufffd"


def _case(at: int) -> Case:
    params = {"name": "echo", "arguments": {"text": TEXT}}
    message = {"jsonrpc": "2.0", "id": 777_777, "method": "tools/call", "params": params}
    return Case("echo in two pieces", Expectation.ANSWER, message, relation="cut", cut=at)


def _loses_characters(http: HttpIn) -> HttpIn:
    """Read a body that came in chunks as text piece by piece, its characters on the border lost."""
    if "transfer-encoding" not in http.headers or TEXT.encode() not in http.body:
        return http
    return HttpIn(http.method, http.path, http.headers, http.body.replace("\u00e9".encode(), REPLACED.encode()))


async def _try(bend: Bend, over: Any) -> str:
    async with target_of(Miniature("tried", "", "is bent", bend, over=over)) as target:
        outcomes = {(await run_case(target, LATEST_LEGACY, BRISK, _case(at))).judged.outcome for at in (1, 75, 90)}
    return " ".join(sorted(outcomes))


@pytest.mark.parametrize("over", ["memory", "http", "sse", "ws"])
def test_a_server_that_is_right_reads_a_message_in_pieces_over_every_transport(over: str) -> None:
    assert anyio.run(_try, Bend(), over) == "passed"


async def _fuzz() -> Finding:
    findings: list[Finding] = []
    async with target_of(Miniature("fuzzed", "", "is bent", Bend(request=_loses_characters), over="http")) as target:
        assert isinstance(target, HttpTarget)
        scouted = await scout(target, BRISK, Permission(), (LATEST_LEGACY.name,))
        more = {"revisions": (LATEST_LEGACY.name,), "only": ("property.cut",), "examples": 5, "seed": 1}
        await run_properties(FuzzPlan(target, findings.append, patience=BRISK, **more), scouted)
    (finding,) = findings
    return finding


def test_a_server_that_reads_each_chunk_for_itself_is_found_over_http() -> None:
    finding = anyio.run(_fuzz)
    assert (finding.outcome, finding.confirmed) == ("failed", "confirmed"), finding.summary
    assert [each.id for each in finding.requirements] == ["property.pieces"]
    assert REPLACED in finding.actual or "\\ufffd" in finding.actual
    assert case_of(finding).relation == "cut"
    # The script has the body in pieces too, which `urllib` writes as chunks.
    assert "'transfer-encoding': 'chunked'" in finding.script
    assert "[b'" in finding.script
    compiled = subprocess.run([sys.executable, "-c", f"compile({finding.script!r}, 'script', 'exec')"], check=False)
    assert compiled.returncode == 0


def test_a_body_in_chunks_is_written_as_http_has_it() -> None:
    assert chunked([b"abc", json.dumps({"a": 1}).encode()]) == b'3\r\nabc\r\n8\r\n{"a": 1}\r\n0\r\n\r\n'
