"""Sessions and principals over HTTP: each hole is found, and nothing on a server that has none."""

from __future__ import annotations

import subprocess
import sys

import anyio
import pytest

from conformance.identities import Identities
from conformance.scout import scout
from conformance.security.runner import ProbePlan, run_probes
from conformance.security.sessions import unknown_bits
from conformance.surface import Permission
from conformance.target import HttpTarget
from fixtures.security.sessions import FIRST, SECOND, Wrong, serving
from reports.records import Finding

from ..scripted import BRISK

ALL = ("security.sessions.*", "security.principals")


def attack(wrong: Wrong, *, guarded: bool = False, script: bool = False) -> dict[str, Finding]:
    found: list[Finding] = []

    async def run() -> None:
        async with serving(wrong, guarded=guarded) as url:
            headers = {"authorization": f"Bearer {FIRST}"} if guarded else {}
            target = HttpTarget(url, headers, Identities(second=SECOND) if guarded else Identities())
            scouted = await scout(target, BRISK, Permission())
            await run_probes(ProbePlan(target, found.append, only=ALL, patience=BRISK), scouted)
            for finding in found if script else ():
                if finding.script:
                    command = [sys.executable, "-c", finding.script]
                    said.append((await anyio.run_process(command, stderr=subprocess.STDOUT)).stdout.decode())

    said: list[str] = []
    anyio.run(run)
    assert not script or "served" in "".join(said)
    return {finding.property: finding for finding in found}


def failed(found: dict[str, Finding]) -> dict[str, str]:
    return {name: item.confirmed for name, item in found.items() if item.outcome == "failed"}


def test_a_session_that_is_called_as_the_client_wished_is_found_and_the_script_shows_it() -> None:
    found = attack(Wrong(adopts=True), script=True)
    assert failed(found) == {"security.sessions.fixation": "confirmed"}


def test_ids_that_count_are_found() -> None:
    found = attack(Wrong(counts=True))
    assert failed(found) == {"security.sessions.guessing": "confirmed"}
    assert "100 ids that differ in about" in found["security.sessions.guessing"].summary


def test_a_session_that_serves_another_principal_is_found() -> None:
    found = attack(Wrong(unbound=True), guarded=True)
    assert failed(found) == {"security.sessions.hijack": "confirmed"}
    assert FIRST not in str(found["security.sessions.hijack"].evidence)


def test_what_is_handed_out_to_another_principal_is_found() -> None:
    found = attack(Wrong(hands_out=True), guarded=True)
    assert failed(found) == {"security.principals": "confirmed"}
    assert "diary://one" in found["security.principals"].summary


@pytest.mark.parametrize("guarded", [False, True])
def test_nothing_is_found_where_there_is_no_hole(guarded: bool) -> None:
    found = attack(Wrong(), guarded=guarded)
    assert failed(found) == {}
    outcomes = {name: item.outcome for name, item in found.items()}
    two = "passed" if guarded else "blocked"  # for want of a second token
    assert outcomes == {
        "security.sessions.fixation": "passed",
        "security.sessions.guessing": "passed",
        "security.sessions.hijack": two,
        "security.principals": two,
    }


def test_bits_are_counted_about_right() -> None:
    import random

    chance = random.Random(3)
    assert 60 < unknown_bits([f"{chance.getrandbits(64):016x}" for _ in range(100)]) < 68
    assert unknown_bits([f"a-{number}" for number in range(1000, 1100)]) < 8
