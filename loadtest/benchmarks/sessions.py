"""Legacy sessions whose answers come as event streams; ours as it chooses by itself (JSON) beside it."""

from __future__ import annotations

from loadtest.benchmarks.http_load import HttpPlan, http_sample
from loadtest.benchmarks.programs import ours, sdk
from loadtest.benchmarks.rounds import Benchmark, Case, Goal
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.traffic import Traffic, judged_events
from reference_impl.protocol.revisions import LATEST_LEGACY
from reference_impl.protocol.streamable import SSE_TYPE

__all__ = ["benchmarks"]


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return what is measured."""
    traffic, events = Traffic(LATEST_LEGACY), judged_events(0)
    # Ours answers with an object where it may: the header leaves it no choice.
    forced = HttpPlan(traffic, 16, events, sessions=True, accept=SSE_TYPE)
    usual = HttpPlan(traffic, 16, events, sessions=True)
    chosen = HttpPlan(traffic, 16, sessions=True)

    def case(name: str, command: list[str], plan: HttpPlan) -> Case:
        return Case(name, lambda: http_sample(command, plan, settings.seconds, settings.warm_up))

    return [
        Benchmark(
            f"sessions, {LATEST_LEGACY}, SSE replies, 16 connections",
            "calls/s",
            (
                case("Touchstone", ours("http"), forced),
                case("official SDK", sdk(settings, "sse"), usual),
                case("Touchstone, JSON by its own choice", ours("http"), chosen),
            ),
            (Goal("Touchstone", "official SDK", 12),),
        )
    ]
