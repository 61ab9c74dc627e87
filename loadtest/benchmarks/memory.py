"""Memory: what an idle legacy session takes, and whether sessions that nobody comes back to leave any behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psutil

from loadtest.benchmarks.http_load import Client, head, listening, run
from loadtest.benchmarks.programs import ours, sdk
from loadtest.benchmarks.rounds import Benchmark, Case, Limit, Sample
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.traffic import INITIALIZED, hello
from reference_impl.protocol.revisions import LATEST_LEGACY

__all__ = ["abandoned_sample", "benchmarks", "idle_growth", "idle_sample"]

_IDLE = 10_000
_FEW = 200
"""How many sessions the peer keeps: enough to tell, and it takes its time."""
_ABANDONED = 100_000
_SETTLED = 20_000
"""Sessions after which memory has to stay as it is: the first ones have long been forgotten."""
_CONNECTIONS = 8


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return what is measured."""
    return [
        Benchmark(
            "memory of an idle session",
            "KiB",
            (
                Case("Touchstone", lambda: idle_sample(ours("http"), _IDLE)),
                Case("official SDK", lambda: idle_sample(sdk(settings, "sse"), _FEW)),
            ),
            limits=(Limit("Touchstone", 5),),
            less_is_better=True,
        ),
        Benchmark(
            f"growth of memory from {_SETTLED:,} to {_ABANDONED:,} sessions that were opened and abandoned",
            "%",
            (Case("Touchstone", lambda: abandoned_sample(ours("brief"), _SETTLED, _ABANDONED)),),
            limits=(Limit("Touchstone", 3),),
            less_is_better=True,
        ),
    ]


def idle_sample(command: Sequence[str], number: int) -> Sample:
    """Open sessions, and return the KiB that each of them added to the server's resident memory."""
    with listening(command) as (port, pid):
        return run(_idle(port, psutil.Process(pid), number))


def abandoned_sample(command: Sequence[str], settled: int, number: int) -> Sample:
    """Open sessions and use none of them; return the percentage by which memory grew after the first `settled`."""
    with listening(command) as (port, pid):
        return run(_abandoned(port, psutil.Process(pid), settled, number))


def idle_growth(port: int, pid: int, number: int) -> float:
    """Return the KiB that each of so many sessions adds to the resident memory of a server that runs."""
    return run(_idle(port, psutil.Process(pid), number)).value


async def _idle(port: int, server: psutil.Process, number: int) -> Sample:
    await _open(port, number // 100, finished=True)  # what the first sessions load and grow is nobody's own
    before = server.memory_info().rss
    await _open(port, number - number // 100, finished=True)
    return Sample((server.memory_info().rss - before) / (number - number // 100) / 1024)


async def _abandoned(port: int, server: psutil.Process, settled: int, number: int) -> Sample:
    await _open(port, settled, finished=False)
    before = server.memory_info().rss
    await _open(port, number - settled, finished=False)
    return Sample((server.memory_info().rss - before) / before * 100)


async def _open(port: int, number: int, *, finished: bool) -> None:
    share = -(-number // _CONNECTIONS)
    each = (min(share, number - begun) for begun in range(0, number, share))
    await asyncio.gather(*(_open_some(port, some, finished=finished) for some in each))


async def _open_some(port: int, number: int, *, finished: bool) -> None:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(Client, "127.0.0.1", port)
    greeting = head(port, hello(LATEST_LEGACY), LATEST_LEGACY)
    for _ in range(number):
        await client.ask(greeting)
        if finished:
            await client.ask(head(port, INITIALIZED, LATEST_LEGACY, client.session))
    client.transport.abort()
