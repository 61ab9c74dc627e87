"""Protected servers from outside: what is judged without a token, and what becomes of all else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from conformance.identities import Identities
from conformance.runner import Plan, RunResult, run_checks
from conformance.scout import Unreachable
from conformance.target import HttpTarget
from fixtures.miniatures import Bend
from fixtures.miniatures.guarded import guarded
from reports.records import Verdict

from .scripted import BRISK

Change = Callable[[HttpTarget], HttpTarget]


def _judged(change: Change, **more: Any) -> tuple[dict[str, Verdict], RunResult | Unreachable]:
    async def run() -> tuple[dict[str, Verdict], RunResult | Unreachable]:
        verdicts: list[Verdict] = []
        async with guarded(Bend()) as target:
            plan = Plan(change(target), verdicts.append, patience=BRISK, **more)
            try:
                result: RunResult | Unreachable = await run_checks(plan)
            except Unreachable as error:
                result = error
        return {verdict.check: verdict for verdict in verdicts}, result

    return anyio.run(run)


def _anonymous(target: HttpTarget) -> HttpTarget:
    return replace(target.bearing(None), identities=Identities())


def test_without_a_token_the_gate_is_judged_and_all_else_is_blocked_by_it() -> None:
    verdicts, error = _judged(_anonymous)
    assert isinstance(error, Unreachable)
    assert "wants credentials: --token" in str(error)
    assert verdicts["auth.unauthorized"].outcome == "passed"
    assert not {item.check for item in verdicts.values() if item.outcome not in ("passed", "blocked", "inapplicable")}
    causes = {
        item.cause for item in verdicts.values() if item.outcome == "blocked" and not item.check.startswith("auth")
    }
    (cause,) = causes
    assert cause.startswith("the target wants a token (HTTP 401): give it with --token")


def test_a_token_that_the_target_does_not_take_is_told_from_none() -> None:
    verdicts, error = _judged(lambda target: _anonymous(target).bearing("stale"), only=("auth.*", "base.*"))
    assert "does not take the credentials" in str(error)
    assert verdicts["base.method.unknown"].cause.startswith("the target does not take the token")


def test_whoever_asks_for_the_gate_alone_gets_it_whole() -> None:
    verdicts, result = _judged(_anonymous, only=("auth.unauthorized", "auth.challenge"), revisions=("2026-07-28",))
    assert isinstance(result, RunResult)
    assert {item.outcome for item in verdicts.values()} == {"passed"}
    assert {item.revision for item in verdicts.values()} == {"2026-07-28"}


@pytest.mark.parametrize("spelled", ["Authorization", "AUTHORIZATION"])
def test_a_header_of_the_user_is_a_token_however_it_is_spelled(spelled: str) -> None:
    def renamed(target: HttpTarget) -> HttpTarget:
        return replace(target, headers={spelled: f"bearer {target.token}"})

    verdicts, result = _judged(renamed, only=("auth.*",), revisions=("2025-11-25",))
    assert isinstance(result, RunResult)
    assert not [item for item in verdicts.values() if item.outcome in ("failed", "broken")]
    assert verdicts["auth.unauthorized"].outcome == "passed"
