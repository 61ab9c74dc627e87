"""The probes find nothing on the servers of `touchstone serve`, and leave nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
import pytest

from conformance.scout import scout
from conformance.security.probes import PROBES
from conformance.security.runner import ProbePlan, run_probes
from conformance.surface import Permission
from conformance.target import HttpTarget
from fixtures.miniatures import Bend
from fixtures.miniatures.guarded import guarded
from reference_impl.server.asgi import MCPApplication
from reports.records import Finding
from tests.reference_impl.serving import serving

from ...reference_impl.servers.test_conformance import SERVED
from ..scripted import BRISK

ATTACKED = {
    "custom": ("security.shell", "security.stalls"),
    "database": ("security.sql", "security.options"),
    "filesystem": ("security.paths", "security.stalls"),
    "gateway": ("security.shell", "security.requests", "security.sessions.[fg]*"),
    "git": ("security.paths", "security.options", "security.shell"),
    "web": ("security.requests", "security.requests.redirects"),
}
"""What each is most likely to be open to; the rest of the probes find nothing to aim at."""


@pytest.mark.parametrize("name", ATTACKED)
def test_nothing_is_found_on_a_server_that_we_offer(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canaries = tmp_path / "canaries"
    canaries.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(canaries))
    found: list[Finding] = []
    folder = tmp_path / "served"
    folder.mkdir()

    async def run() -> None:
        async with serving(MCPApplication(SERVED[name].make(folder))) as at:
            target = HttpTarget(f"http://{at.address}/mcp")
            scouted = await scout(target, BRISK, Permission(SERVED[name].allow))
            await run_probes(ProbePlan(target, found.append, only=ATTACKED[name], patience=BRISK), scouted)

    anyio.run(run)
    assert {item.property: item.summary for item in found if item.outcome not in ("passed", "inapplicable")} == {}
    assert any(item.outcome == "passed" for item in found)
    assert list(canaries.iterdir()) == []


def test_every_server_is_attacked() -> None:
    assert set(ATTACKED) == set(SERVED)
    assert {probe.id.partition(".")[0] for probe in PROBES} == {"security"}


def test_nothing_is_found_between_two_principals_of_the_reference_server() -> None:
    found: list[Finding] = []

    async def run() -> None:
        async with guarded(Bend()) as target:
            scouted = await scout(target, BRISK, Permission())
            only = ("security.sessions.*", "security.principals")
            await run_probes(ProbePlan(target, found.append, only=only, patience=BRISK), scouted)

    anyio.run(run)
    assert {item.property: item.outcome for item in found} == {
        "security.principals": "inapplicable",  # both are shown the same
        "security.sessions.fixation": "passed",
        "security.sessions.guessing": "passed",
        "security.sessions.hijack": "passed",
    }
