"""The frame of the probes: confirmed or flaky, one finding for each, our own faults, nothing without need."""

from __future__ import annotations

import base64
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from conformance.expect import Blocked
from conformance.scout import scout
from conformance.security.evidence import Listener, Traps, set_traps
from conformance.security.probe import Attempt, Probe, Scene, need_near
from conformance.security.runner import ProbePlan, run_probes
from conformance.surface import Permission
from conformance.target import HttpTarget
from reports.records import Finding

from ..scripted import BRISK, Message, Scripted, Wire


async def _take(wire: Wire, message: Message) -> None:
    if message["params"].get("kill"):
        await wire.leave()
    else:
        await wire.reply(message, {})


def attack(*attempts: Any, seconds: float | None = None) -> Finding:
    found: list[Finding] = []

    async def made(_scene: Scene) -> list[Attempt]:
        return [Attempt(place, partial(go)) for place, go in attempts]

    async def run() -> None:
        target = Scripted({"take": _take}).target
        scouted = await scout(target, BRISK, Permission())
        probe = Probe("security.test", ("security.stalls.none",), "It holds.", made)
        await run_probes(ProbePlan(target, found.append, patience=BRISK, seconds=seconds, probes=(probe,)), scouted)

    anyio.run(run)
    (finding,) = found
    return finding


async def _holds(scene: Scene) -> None:
    assert await scene.ask("take", {}) is not None


async def _falls(scene: Scene) -> None:
    await scene.begin()
    await scene.ask("take", {"a": 1})
    raise scene.caught("nothing", "something")


def test_what_holds_passes_and_says_how_often_it_was_called() -> None:
    finding = attack(("a", _holds), ("b", _holds))
    assert (finding.outcome, finding.summary) == ("passed", "2 calls")


def test_without_time_one_attempt_is_made_and_the_probe_says_that_there_were_more() -> None:
    finding = attack(("a", _holds), ("b", _holds), seconds=1e-9)
    assert (finding.outcome, finding.summary) == ("passed", "1 calls; not all was tried in 0 s")


def test_what_falls_is_told_once_with_all_its_places_and_what_was_said() -> None:
    finding = attack(("a", _holds), ("b", _falls), ("b", _falls), ("c", _falls))
    assert (finding.outcome, finding.confirmed, finding.actual) == ("failed", "confirmed", "something; also c")
    assert len(finding.conversation) == 1
    assert '"a":1' in finding.conversation[0]
    assert finding.level == "advice"


def test_what_falls_once_is_flaky() -> None:
    seen: list[Scene] = []

    async def once(scene: Scene) -> None:
        seen.append(scene)
        if len(seen) == 1:
            await _falls(scene)

    finding = attack(("a", once))
    assert (finding.outcome, finding.confirmed) == ("failed", "flaky")


def test_a_target_that_dies_gets_a_new_connection() -> None:
    async def kill(scene: Scene) -> None:
        assert await scene.ask("take", {"kill": True}) is None

    assert attack(("a", kill), ("b", _holds)).outcome == "passed"


def test_what_was_found_is_kept_when_it_cannot_go_on() -> None:
    async def stop(_scene: Scene) -> None:
        raise Blocked("no more")

    assert attack(("a", stop)).outcome == "blocked"
    finding = attack(("a", _falls), ("b", stop))
    assert (finding.outcome, finding.actual) == ("failed", "something; no more")


def test_a_target_on_another_machine_is_not_tried_with_what_lies_on_this_one() -> None:
    def scene(url: str) -> Scene:
        bench: Any = SimpleNamespace(target=HttpTarget(url))
        return Scene(bench, Traps(Path()), (Listener(0), Listener(0)))

    need_near(scene("http://127.0.0.1:1/mcp"))
    with pytest.raises(Blocked, match="another machine"):
        need_near(scene("http://192.0.2.1/mcp"))


def test_canaries_lie_outside_of_the_sandbox_and_go_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = tmp_path / "tmp"
    sandbox.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(sandbox))

    async def run() -> None:
        async with set_traps(sandbox) as traps:
            canary = traps.canary()
            assert not canary.path.is_relative_to(sandbox)
            assert canary.sung(f"a {canary.content} b")
            assert canary.sung(base64.b64encode(canary.content.encode()).decode())
            assert canary.moved() is None
            canary.path.write_text("other")
            assert "something else" in str(canary.moved())
            canary.path.unlink()
            assert "is gone" in str(canary.moved())

    anyio.run(run)
    assert list(tmp_path.rglob("*")) == [sandbox]


def test_a_fault_of_ours_is_called_that() -> None:
    async def wrong(_scene: Scene) -> None:
        raise KeyError("x")

    finding = attack(("a", wrong))
    assert (finding.outcome, finding.summary) == ("broken", "KeyError: 'x'")
