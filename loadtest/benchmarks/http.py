"""Streamable HTTP with JSON replies: both eras on 16 and 64 connections, against the official SDK and the limit."""

from __future__ import annotations

from loadtest.benchmarks.http_load import HttpPlan, http_sample
from loadtest.benchmarks.programs import bare, bare_on_ours, ours, ours_on, sdk
from loadtest.benchmarks.rounds import Benchmark, Case, Goal
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.traffic import Traffic
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision

__all__ = ["benchmarks"]

_CONNECTIONS = (16, 64)
_PLAIN = "Touchstone on plain uvicorn"
"""Started by uvicorn's own command, to tell what our runner's leaner protocol for it brings."""
_LEAN_LIMIT = "bare ASGI on our protocol"
"""Like stands beside like: each limit is held against our application on the same protocol."""


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return what is measured."""
    return [_benchmark(settings, revision, number) for revision in (LATEST, LATEST_LEGACY) for number in _CONNECTIONS]


def _benchmark(settings: Settings, revision: Revision, connections: int) -> Benchmark:
    """The SDK is asked in the modern way throughout: that is its fastest configuration."""

    def case(name: str, command: list[str], revision: Revision) -> Case:
        plan = HttpPlan(Traffic(revision), connections, sessions=not revision.modern)
        return Case(name, lambda: http_sample(command, plan, settings.seconds, settings.warm_up))

    return Benchmark(
        f"Streamable HTTP, {revision}, JSON replies, {connections} connections",
        "calls/s",
        (
            case("Touchstone", ours("http"), revision),
            case("official SDK", sdk(settings, "http"), LATEST),
            case("bare ASGI", bare(), LATEST),
            case(_LEAN_LIMIT, bare_on_ours(), LATEST),
            case(_PLAIN, ours_on("uvicorn"), revision),
        ),
        (
            Goal("Touchstone", "official SDK", 8),
            Goal("Touchstone", _LEAN_LIMIT, 0.6),
            Goal(_PLAIN, "bare ASGI", 0.6),
        ),
    )
