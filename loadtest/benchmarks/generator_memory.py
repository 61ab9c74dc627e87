"""What a generator's memory holds: `python -m loadtest.benchmarks.generator_memory [sessions|streams [NUMBER]]`.

One process of users opens so many conversations with the reference server and keeps them: sessions that were asked once
each, or sessions with a stream each that waits for notifications. Printed is its resident memory; the goal is 1 GiB.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from loadtest.benchmarks.http_load import listening
from loadtest.benchmarks.programs import ours
from loadtest.descriptors import shortage

__all__ = ["held", "main"]

NUMBERS = {"sessions": 5000, "streams": 2000}
_GOAL = 1024.0
_PATIENCE = 600.0
_AT_ONCE = 50


@contextmanager
def _limits() -> Iterator[None]:
    """See that the server, which inherits our limit, can take the connections, and so can we."""
    missing = shortage(2 * max(NUMBERS.values()))
    if missing is not None:
        raise SystemExit(missing)
    yield


def held(kind: str, number: int) -> tuple[float, float, float]:
    """Let a process of its own open and keep them; return its MiB before and after, and the processor seconds used."""
    with _limits(), listening(ours("http")) as (port, _):
        command = [sys.executable, "-m", "loadtest.benchmarks.generator_memory", kind, str(number), str(port)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=_PATIENCE)  # noqa: S603 - ours
    before, after, seconds = map(float, done.stdout.split())
    return before, after, seconds


def _hold(kind: str, number: int, port: str) -> None:
    """Be that process."""
    from gevent import monkey

    monkey.patch_all()

    import time

    import gevent.pool
    import psutil

    from loadtest.exchange import Client
    from loadtest.http_conversation import HttpConversation
    from loadtest.wire import Endpoint, Template
    from loadtest.workload import Operation
    from reference_impl.protocol.revisions import LATEST_LEGACY

    ping = Template(Operation(name="ping", method="ping"), LATEST_LEGACY)
    endpoint, client = Endpoint(f"http://127.0.0.1:{port}/mcp", {}), Client(LATEST_LEGACY, 60.0)
    kept = []

    def visit(_: int) -> None:
        conversation = HttpConversation(endpoint, client)
        conversation.open()
        kept.append(conversation)
        failure = conversation.call(ping, 0).failure if kind == "sessions" else conversation.listen().ended
        if failure is not None:
            raise SystemExit(f"{failure.code}: {failure.message}")

    process = psutil.Process()
    before = process.memory_info().rss
    pool = gevent.pool.Pool(_AT_ONCE)
    for _ in pool.imap_unordered(visit, range(number)):
        pass
    assert len(kept) == number
    sys.stdout.write(f"{before / 2**20} {process.memory_info().rss / 2**20} {time.process_time()}\n")


def main() -> int:
    """Measure and print; return 0 if the goal was reached, 1 if not."""
    kinds = {sys.argv[1]: NUMBERS[sys.argv[1]]} if len(sys.argv) > 1 else NUMBERS
    met = True
    for kind, usual in kinds.items():
        number = int(sys.argv[2]) if len(sys.argv) > 2 else usual
        before, after, seconds = held(kind, number)
        met = met and after <= _GOAL
        each = 1024 * (after - before) / number
        sys.stdout.write(
            f"{number:,} {kind}: {after:,.0f} MiB ({before:,.0f} before any), {each:.1f} KiB each; "
            f"{seconds:.1f} s of processor time; goal {_GOAL:,.0f} MiB: {'met' if after <= _GOAL else 'missed'}\n"
        )
    return 0 if met else 1


if __name__ == "__main__":
    if len(sys.argv) > 3:
        _hold(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    else:
        raise SystemExit(main())
