"""Cold start: from the start of the process to its first answer on standard streams."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from loadtest.benchmarks.machine import MEASURED, started
from loadtest.benchmarks.programs import interpreter, ours, sdk
from loadtest.benchmarks.rounds import Benchmark, Case, Goal, Sample
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.stdio_load import Lines
from loadtest.benchmarks.traffic import discovery, hello
from reference_impl.protocol.messages import Request, Response, parse
from reference_impl.protocol.revisions import LATEST_LEGACY

__all__ = ["benchmarks", "start_sample"]

_TIMES = 5
"""Starts a sample; their median is its value."""
_TYPESCRIPT = "TypeScript server-everything"


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return what is measured."""
    touchstone = [sys.executable, "-m", "touchstone", "serve", "everything"]
    greeted, small, peer = hello(LATEST_LEGACY), ours("stdio"), sdk(settings, "stdio")
    typescript = [*settings.environments.everything(), "stdio"]

    def case(name: str, command: list[str], request: Request = greeted) -> Case:
        return Case(name, lambda: start_sample(command, request))

    names = ("touchstone serve everything", "small server")
    return [
        Benchmark(
            "cold start on stdio, initialize",
            "ms",
            (
                case(names[0], touchstone),
                case(names[1], small),
                case("official SDK", peer),
                case(_TYPESCRIPT, typescript),
                case("interpreter with anyio", interpreter()),
            ),
            tuple(
                Goal(name, each, factor) for name in names for each, factor in (("official SDK", 3), (_TYPESCRIPT, 1))
            ),
            less_is_better=True,
        ),
        Benchmark(
            "cold start on stdio, server/discover",
            "ms",
            tuple(
                case(name, command, discovery())
                for name, command in ((names[0], touchstone), (names[1], small), ("official SDK", peer))
            ),
            tuple(Goal(name, "official SDK", 3) for name in names),
            less_is_better=True,
        ),
    ]


def start_sample(command: Sequence[str], request: Request, times: int = _TIMES) -> Sample:
    """Start a program several times and return the median milliseconds to its answer to `request`."""
    before = _children()
    milliseconds = statistics.median(_start(command, request) for _ in range(times))
    used = _children() - before
    return Sample(milliseconds, used / times * 1e6)


def _children() -> float:
    """Return the processor seconds of all processes that were started and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _start(command: Sequence[str], request: Request) -> float:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    began = time.perf_counter()
    with started(command, MEASURED, **pipes) as process:
        answer = parse(Lines(process).ask(request))
        seconds = time.perf_counter() - began
    assert isinstance(answer, Response), answer
    assert answer.id == request.id
    return seconds * 1000
