"""Which eras a target speaks, however slowly, oddly or rudely it answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from conformance import eras as module
from conformance.bench import Bench
from conformance.eras import Eras, detect
from conformance.patience import Patience
from conformance.readers import beside_readers
from conformance.target import StdioTarget, Target
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, R2025_03_26, Era
from reference_impl.transports.stdio import TargetNotStarted

from .scripted import BRISK, HASTY, Message, Scripted, Wire


def _detect(target: Target, patience: Patience = BRISK) -> Eras:
    async def run(readers: Any) -> Eras:
        return await detect(lambda revision: Bench(target, revision, patience, readers))

    async def main() -> Eras:
        return await beside_readers(run)

    return anyio.run(main)


async def _ignore(wire: Wire, message: Message) -> None:
    pass


def _discovery(*versions: str) -> Any:
    async def discover(wire: Wire, message: Message) -> None:
        await wire.reply(message, {"supportedVersions": list(versions), "capabilities": {}})

    return discover


def test_a_legacy_server_that_refuses_the_probe_is_legacy() -> None:
    eras = _detect(Scripted().target)
    assert (eras.legacy, eras.modern) == (LATEST_LEGACY, None)
    assert list(eras.why_not) == [Era.MODERN]
    assert eras.revisions == [LATEST_LEGACY]
    assert eras.first_answer is not None


def test_a_server_of_both_eras_speaks_both() -> None:
    assert _detect(Scripted({"server/discover": _discovery(LATEST.name)}).target).revisions == [LATEST_LEGACY, LATEST]


def test_a_modern_server_that_knows_only_another_modern_revision_is_not_ours_to_judge() -> None:
    eras = _detect(Scripted({"server/discover": _discovery("2999-01-01"), "initialize": _refuses}).target)
    assert eras.revisions == []
    assert "2999-01-01" in eras.describe()


async def _refuses(wire: Wire, message: Message) -> None:
    await wire.refuse(message)


@pytest.mark.parametrize("version", [LATEST.name, "yesterday", 7, None])
def test_an_initialize_answered_with_no_legacy_revision_opens_nothing(version: Any) -> None:
    server = Scripted()
    server.version = version
    assert _detect(server.target).legacy is None


def test_the_version_that_the_server_answers_with_counts() -> None:
    server = Scripted()
    server.version = R2025_03_26.name
    assert _detect(server.target).legacy is R2025_03_26


def test_a_probe_that_is_met_with_silence_does_not_wait_long_once_the_other_era_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_AFTER_THE_OTHER", 0.05)
    eras = _detect(Scripted({"server/discover": _ignore}).target, Patience(start=60))
    assert eras.revisions == [LATEST_LEGACY]
    assert eras.why_not[Era.MODERN] == "silence"


def test_a_handshake_that_takes_its_time_is_waited_for_though_the_probe_was_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_AFTER_THE_OTHER", 0.0)

    async def slow(wire: Wire, message: Message) -> None:
        with anyio.move_on_after(0.1):
            await anyio.sleep_forever()
        await wire.reply(message, server.greeting())

    server = Scripted({"initialize": slow})
    assert _detect(server.target).revisions == [LATEST_LEGACY]


def test_silence_to_both_is_said_once() -> None:
    eras = _detect(Scripted({"server/discover": _ignore, "initialize": _ignore}).target, HASTY)
    assert eras.revisions == []
    assert eras.describe() == "silence"


@pytest.mark.parametrize("info", [None, "x", {}, {"name": 1}, {"name": "a", "version": "2"}])
def test_whatever_a_server_calls_itself_does_no_harm(info: Any) -> None:
    async def initialize(wire: Wire, message: Message) -> None:
        await wire.reply(message, {**server.greeting(), "serverInfo": info})

    server = Scripted({"initialize": initialize})
    name = _detect(server.target).implementation
    assert name is None or isinstance(name, str)


def test_a_program_that_does_not_exist_is_not_started() -> None:
    with pytest.raises(TargetNotStarted, match="no such program"):
        _detect(StdioTarget(("/no/such/program",)))


_ONCE = """
import fcntl, json, sys
lock = open(sys.argv[1], "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit("another one is running")
for line in sys.stdin:
    asked = json.loads(line)
    info = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "once", "version": "1"}}
    answer = {"result": info} if asked["method"] == "initialize" else {"error": {"code": -32601, "message": "none"}}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)
"""


def test_a_program_that_runs_but_once_at_a_time_is_asked_one_thing_after_the_other(tmp_path: Path) -> None:
    target = StdioTarget((sys.executable, "-c", _ONCE, str(tmp_path / "lock")))
    assert _detect(target, Patience()).revisions == [LATEST_LEGACY]
