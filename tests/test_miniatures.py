"""Every check is shown to fail: on its miniature it fails, and nothing else does; on the reference server none does."""

from __future__ import annotations

import anyio
import pytest

from conformance.check import all_checks, all_monitors
from conformance.patience import Patience
from conformance.runner import Plan, run_checks
from fixtures.miniatures import Miniature, all_miniatures
from fixtures.miniatures.serve import target_of
from reports.records import Verdict

BRISK = Patience(start=10, answer=5, quiet=0.25, stop=1, check=20, run=90)


async def _judge(miniature: Miniature, revisions: tuple[str, ...]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    async with target_of(miniature) as target:
        await run_checks(Plan(target, verdicts.append, revisions=revisions, patience=BRISK))
    return verdicts


# A bent server may leave connections to themselves that its client has cut.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", sorted(all_miniatures()))
def test_exactly_the_named_check_fails_on_a_miniature(name: str) -> None:
    miniature = all_miniatures()[name]
    verdicts = anyio.run(_judge, miniature, (miniature.revision,))
    wrong = {verdict.check: verdict.actual for verdict in verdicts if verdict.outcome in ("failed", "broken")}
    assert set(wrong) - miniature.also == {miniature.fails}, wrong


_BOTH_ERAS = {"2025-11-25", "2026-07-28"}


@pytest.mark.parametrize(
    ("over", "spoken"),
    [("memory", _BOTH_ERAS), ("http", _BOTH_ERAS), ("ws", _BOTH_ERAS), ("sse", {"2024-11-05"})],
)
def test_nothing_fails_on_the_reference_server(over: str, spoken: set[str]) -> None:
    verdicts = anyio.run(_judge, Miniature("straight", "", "is right", over=over), ())  # type: ignore[arg-type] # literals
    wrong = {verdict.check: verdict.summary for verdict in verdicts if verdict.outcome in ("failed", "broken")}
    assert not wrong
    assert {verdict.revision for verdict in verdicts} == spoken


def test_every_check_and_monitor_has_a_miniature() -> None:
    shown = {miniature.fails for miniature in all_miniatures().values()}
    declared = {item.id for item in (*all_checks(), *all_monitors())}
    assert declared - shown == set()
    assert shown - declared == set()
