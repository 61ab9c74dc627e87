"""The reference client beside the official SDK's, both against a server that does next to nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from loadtest.benchmarks.machine import GENERATOR, MEASURED, Watch, started
from loadtest.benchmarks.rounds import Benchmark, Case, Goal, Sample
from loadtest.benchmarks.settings import Settings
from loadtest.resources import processor_seconds
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision

__all__ = ["benchmarks"]

_HERE = Path(__file__).resolve().parent
_NULL = [sys.executable, "-P", str(_HERE / "servers" / "null.py")]
_ON_HTTP, _ON_STDIO = 16, 64
_OURS, _FASTER, _PEER = "Touchstone", "Touchstone on uvloop", "official SDK"


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return what is measured."""
    return [
        _benchmark(settings, transport, revision, in_flight)
        for transport, revision, in_flight in (
            ("http", LATEST, _ON_HTTP),
            ("http", LATEST_LEGACY, _ON_HTTP),
            ("http", LATEST, 1),
            ("stdio", LATEST, _ON_STDIO),
            ("stdio", LATEST_LEGACY, _ON_STDIO),
            ("stdio", LATEST, 1),
        )
    ]


def _benchmark(settings: Settings, transport: str, revision: Revision, in_flight: int) -> Benchmark:
    mode = revision.name if revision.modern else "legacy"
    ours = [sys.executable, "-m", "loadtest.benchmarks.clients.ours"]
    peer = [settings.environments.sdk_python(), "-P", str(_HERE / "clients" / "sdk.py"), "asyncio", mode]
    programs = {
        _OURS: [*ours, "asyncio", revision.name],
        _FASTER: [*ours, "uvloop", revision.name],
        _PEER: peer,
    }

    def case(name: str, command: list[str]) -> Case:
        return Case(name, lambda: _sample([*command, str(in_flight)], transport, settings))

    return Benchmark(
        f"client over {transport}, {revision}, {in_flight} in flight",
        "calls/s",
        tuple(case(name, command) for name, command in programs.items()),
        (Goal(_OURS, _PEER, 6),) if transport == "http" and in_flight > 1 else (),
    )


def _sample(client: Sequence[str], transport: str, settings: Settings) -> Sample:
    if transport == "stdio":
        return _run([*client, *_NULL, "stdio"], settings, None)
    with started([*_NULL, "http"], GENERATOR, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}/mcp"
        return _run([*client, address], settings, psutil.Process(server.pid))


def _run(command: Sequence[str], settings: Settings, server: psutil.Process | None) -> Sample:
    """Let a client run; without a `server` it is the client's own child, which does not count."""
    with started(command, MEASURED, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert _say(process, "") == "ready"
        serving = server or psutil.Process(process.pid).children()[0]
        if GENERATOR is not None:
            serving.cpu_affinity([GENERATOR])
        _say(process, f"{settings.warm_up}\n")
        before, watch = processor_seconds(serving) or 0.0, Watch(process.pid)
        calls = int(_say(process, f"{settings.seconds}\n"))
        usage, served = watch.read(), (processor_seconds(serving) or 0.0) - before
        sample = Sample.of_calls(calls, usage)
        # The server is on the other core, and none of those who disturb.
        others = None if sample.others is None else max(0.0, sample.others - served / usage.seconds)
        return Sample(sample.value, sample.cost, others)


def _say(process: subprocess.Popen[bytes], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line.encode())
    process.stdin.flush()
    return process.stdout.readline().decode().strip()
