"""A play is judged by what binds at its revision, and by nothing that an earlier one asked for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anyio
import pytest

from conformance.patience import Patience
from conformance.properties.machines.strategies import PROPERTIES
from conformance.properties.runner import FuzzPlan, run_properties
from conformance.scout import scout
from conformance.surface import Permission
from conformance.target import HttpTarget
from reports.records import Finding

from ...raw_http import END, STREAM, Got, chunk, listening, reply

_PATIENCE = Patience(start=10, answer=10, quiet=0.05, stop=1, check=20, run=60)
_INFO = {"name": "numbered", "version": "1"}
_LIST = {"tools": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "public"}
_RESULTS: dict[str, Any] = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": _INFO},
    "server/discover": {
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}},
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "public",
    },
    "tools/list": _LIST,
    "ping": {},
}


async def _numbered(got: Got, writer: asyncio.StreamWriter) -> None:
    """Answer with a stream whose one event has the id that every other has, too."""
    if got.method != "POST" or "id" not in got.message:
        writer.write(reply(b"", "405 Method Not Allowed" if got.method != "POST" else "202 Accepted"))
        return
    result = _RESULTS.get(got.message["method"])
    told = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
    answer = {"jsonrpc": "2.0", "id": got.message["id"], **told}
    writer.write(STREAM + chunk(b"id: 7\ndata: " + json.dumps(answer).encode() + b"\n\n") + END)


@pytest.mark.parametrize(("revision", "outcome"), [("2025-11-25", "failed"), ("2026-07-28", "passed")])
def test_ids_of_events_are_no_concern_where_streams_are_never_resumed(revision: str, outcome: str) -> None:
    findings: list[Finding] = []

    async def run() -> None:
        async with listening(_numbered) as url:
            target = HttpTarget(url)
            scouted = await scout(target, _PATIENCE, Permission(), (revision,))
            plan = FuzzPlan(
                target,
                findings.append,
                revisions=(revision,),
                only=("property.pagination",),
                patience=_PATIENCE,
                properties=PROPERTIES,
                examples=3,
                seed=1,
            )
            await run_properties(plan, scouted)

    anyio.run(run)
    assert [finding.outcome for finding in findings] == [outcome], findings[0].summary
