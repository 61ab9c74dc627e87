"""Connections to targets: what is left behind when one ends, however it ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from conformance import bench as module
from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.links import Gone
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.readers import beside_readers
from conformance.target import HttpTarget, StdioTarget, Target
from conformance.transcript import Direction
from reference_impl.protocol.revisions import LATEST_LEGACY
from reference_impl.transports.stdio import TargetNotStarted

from .raw_http import Got, answer, listening, reply
from .scripted import BRISK, Message, Scripted, Wire


def with_bench(target: Target, scene: Callable[[Bench], Awaitable[Any]], patience: Patience = BRISK) -> Any:
    async def run(readers: Any) -> Any:
        with anyio.fail_after(20):
            return await scene(Bench(target, LATEST_LEGACY, patience, readers))

    async def main() -> Any:
        return await beside_readers(run)

    return anyio.run(main)


def unruly(mode: str) -> StdioTarget:
    return StdioTarget((sys.executable, "-m", "fixtures.unruly", mode))


def test_each_connection_is_a_conversation_of_its_own_with_its_purpose() -> None:
    async def scene(bench: Bench) -> None:
        async with bench.opened("one") as one, one.another() as other:
            assert one.conversation is not other.conversation
        assert [item.purpose for item in bench.conversations] == ["one", "one"]
        assert {item.revision for item in bench.conversations} == {LATEST_LEGACY.name}

    with_bench(Scripted().target, scene)


def test_a_process_is_gone_when_its_block_is_left_even_by_an_error() -> None:
    pids: list[int] = []

    async def scene(bench: Bench) -> None:
        async with bench.opened("it") as peer:
            assert peer.process is not None
            pids.append(peer.process.pid)
            assert psutil.pid_exists(pids[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_bench(unruly("floods-stderr"), scene)
    assert not psutil.pid_exists(pids[0])


def test_a_process_is_gone_though_the_run_was_cancelled() -> None:
    pids: list[int] = []

    async def scene(bench: Bench) -> None:
        with anyio.move_on_after(30) as scope:
            async with bench.opened("it") as peer:
                assert peer.process is not None
                pids.append(peer.process.pid)
                scope.cancel()
                await anyio.sleep_forever()

    with_bench(unruly("stalls"), scene)
    assert not any(map(psutil.pid_exists, pids))


def test_a_process_that_lingers_costs_its_grace_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.1)
    monkeypatch.setattr(module, "_GRACE_LATER", 0.01)

    async def scene(bench: Bench) -> list[float]:
        graces = []
        for _ in range(2):
            async with bench.unopened("it") as peer:
                assert peer.process is not None
                stop = peer.process.stop

                async def noted(grace: float, stop: Any = stop) -> Any:
                    graces.append(grace)
                    return await stop(grace)

                monkeypatch.setattr(peer.process, "stop", noted)
                await peer.ask_opening()
        return graces

    # The default was taken before the change, by the bench itself.
    assert with_bench(unruly("lingers"), scene)[1] == 0.01


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no key')", "exited with status 1; it last wrote to standard error: no key"),
        ("import sys; sys.exit('a' * 500 + '\\nno key')", "it last wrote to standard error: no key"),
        ("import os; os.kill(os.getpid(), 15)", "ended by signal 15"),
        ("import os, sys; os.close(1); sys.stdin.read()", "closed its standard output but runs on"),
    ],
)
def test_how_a_process_ended_is_the_last_entry(program: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENDING", 0.5)

    async def scene(bench: Bench) -> None:
        with pytest.raises(Gone, match=words):
            async with bench.opened("it"):
                pass
        (conversation,) = bench.conversations
        assert conversation.entries[-1].direction is Direction.PROCESS

    with_bench(StdioTarget((sys.executable, "-c", program)), scene)


def test_variables_and_folder_reach_the_process(tmp_path: Path) -> None:
    program = "import os, sys; sys.exit(os.environ['GREETING'] + ' from ' + os.getcwd())"
    folder = tmp_path.resolve()

    async def scene(bench: Bench) -> None:
        with pytest.raises(Gone, match=f"hello from {folder}"):
            async with bench.opened("it"):
                pass

    with_bench(StdioTarget((sys.executable, "-c", program), {"GREETING": "hello"}, str(tmp_path)), scene)


def test_what_is_no_program_is_not_started() -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(TargetNotStarted):
            async with bench.opened("it"):
                pass

    with_bench(StdioTarget(("",)), scene)


def test_an_http_session_is_ended_politely_and_a_rude_answer_to_that_does_no_harm() -> None:
    seen: list[tuple[str, str | None]] = []

    async def serve(got: Got, writer: asyncio.StreamWriter) -> None:
        seen.append((got.method, got.headers.get("mcp-session-id")))
        if got.method == "DELETE":
            writer.close()
        elif got.message["method"] == "initialize":
            info = {"protocolVersion": LATEST_LEGACY.name, "capabilities": {}}
            writer.write(answer(got, info, mcp_session_id="abc"))
        else:
            writer.write(reply(b"", "202 Accepted"))

    async def main() -> None:
        async with listening(serve) as url:

            async def run(readers: Any) -> None:
                async with Bench(HttpTarget(url), LATEST_LEGACY, BRISK, readers).opened("it"):
                    pass

            await beside_readers(run)

    anyio.run(main)
    # On a connection that was used before, a request that met no answer at all may have been tried twice.
    assert list(dict.fromkeys(seen)) == [("POST", None), ("POST", "abc"), ("DELETE", "abc")]


def test_a_handshake_that_is_refused_is_a_mismatch() -> None:
    async def refuse(wire: Wire, message: Message) -> None:
        await wire.refuse(message)

    async def scene(bench: Bench) -> None:
        with pytest.raises(Mismatch, match="a result for initialize"):
            async with bench.opened("it"):
                pass

    with_bench(Scripted({"initialize": refuse}).target, scene)


def test_what_is_put_off_is_done_beside_the_conversation() -> None:
    async def scene(bench: Bench) -> None:
        done = anyio.Event()

        async def work() -> None:
            done.set()

        async with bench.opened("it"):
            bench.later(work)
            with anyio.move_on_after(5):
                await done.wait()
            assert done.is_set()

    with_bench(Scripted().target, scene)


def test_less_is_read_of_a_target_that_has_flooded_before() -> None:
    async def floods(wire: Wire, message: Message) -> None:
        await wire.raw(b"spam\n" * 25_000)

    async def scene(bench: Bench) -> None:
        tolerances = []
        for _ in range(2):
            async with bench.opened("it") as peer:
                tolerances.append(peer.stream.tolerance)
                with pytest.raises(Gone):
                    await peer.fence()
        assert tolerances[1] < tolerances[0] / 10

    with_bench(Scripted({"ping": floods}).target, scene)


def test_peers_know_the_bench_they_sit_at() -> None:
    async def scene(bench: Bench) -> None:
        async with bench.opened("it") as peer:
            assert isinstance(peer, Peer)
            assert peer.bench is bench
            assert not peer.modern_only

    with_bench(Scripted().target, scene)
