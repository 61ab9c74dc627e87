"""Standard streams, 64 calls in flight."""

from __future__ import annotations

from loadtest.benchmarks.programs import ours, sdk
from loadtest.benchmarks.rounds import Benchmark, Case, Goal
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.stdio_load import stdio_sample
from loadtest.benchmarks.traffic import Traffic
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

__all__ = ["benchmarks"]

_IN_FLIGHT = 64


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return what is measured."""
    everything = [*settings.environments.everything(), "stdio"]
    legacy = Traffic(LATEST_LEGACY)

    def case(name: str, command: list[str], traffic: Traffic) -> Case:
        return Case(name, lambda: stdio_sample(command, traffic, _IN_FLIGHT, settings.seconds, settings.warm_up))

    return [
        Benchmark(
            f"stdio, {_IN_FLIGHT} calls in flight",
            "calls/s",
            (
                case("Touchstone", ours("stdio"), legacy),
                case("official SDK", sdk(settings, "stdio"), legacy),
                case("TypeScript server-everything", everything, Traffic(LATEST_LEGACY, argument="message")),
                case(f"Touchstone {LATEST}", ours("stdio"), Traffic(LATEST)),
            ),
            (Goal("Touchstone", "official SDK", 25), Goal("Touchstone", "TypeScript server-everything", 1)),
        )
    ]
