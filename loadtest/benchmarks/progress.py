"""Legacy sessions whose calls report progress three times before they answer."""

from __future__ import annotations

from loadtest.benchmarks.http_load import HttpPlan, http_sample
from loadtest.benchmarks.programs import ours, sdk
from loadtest.benchmarks.rounds import Benchmark, Case, Goal
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.traffic import Traffic, judged_events
from reference_impl.protocol.revisions import LATEST_LEGACY

__all__ = ["benchmarks"]


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return what is measured."""
    plan = HttpPlan(Traffic(LATEST_LEGACY, "count", progress=True), 16, judged_events(3), sessions=True)

    def case(name: str, command: list[str]) -> Case:
        return Case(name, lambda: http_sample(command, plan, settings.seconds, settings.warm_up))

    return [
        Benchmark(
            f"sessions, {LATEST_LEGACY}, three progress notifications and the answer, 16 connections",
            "calls/s",
            (case("Touchstone", ours("http")), case("official SDK", sdk(settings, "sse"))),
            (Goal("Touchstone", "official SDK", 8),),
        )
    ]
