"""Whole runs over HTTP with SSE and WebSocket, against the null server, which also calibrates them."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from loadtest import null_server
from loadtest.run import run_load
from loadtest.workload import SseTarget, Target, WebSocketTarget, decode_plan, encode_plan
from tests.loadtest.plans import plan


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, "-P", null_server.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


@pytest.mark.parametrize(("transport", "revision"), [("sse", "2024-11-05"), ("ws", "2025-11-25"), ("ws", "2026-07-28")])
def test_a_run_sends_what_its_schedule_says_and_is_calibrated(address: str, transport: str, revision: str) -> None:
    sse, socket = SseTarget(url=f"http://{address}/sse"), WebSocketTarget(url=f"ws://{address}/ws")
    target: Target = sse if transport == "sse" else socket
    row = run_load(plan(target, revision=revision, calibration=0.1, timeout=10.0)).overall
    assert (row.counts.total, row.counts.failed) == (50, 0)
    assert row.generator is not None
    assert (row.generator.calibration_rate or 0) > 0


@pytest.mark.parametrize("target", [SseTarget(url="https://h/sse", headers={"a": "b"}), WebSocketTarget(url="wss://h")])
def test_a_plan_keeps_its_target(target: Target) -> None:
    assert decode_plan(encode_plan(plan(target, revision="2025-11-25"))).target == target


def test_http_with_sse_ended_with_the_legacy_era() -> None:
    with pytest.raises(ValueError, match="2026-07-28 has no HTTP with SSE"):
        plan(SseTarget(url="http://h/sse"), revision="2026-07-28")


@pytest.mark.parametrize(("kind", "url"), [(SseTarget, "ws://h"), (WebSocketTarget, "http://h")])
def test_an_address_of_another_transport_is_refused(kind: type[Target], url: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        kind(url=url)  # type: ignore[call-arg] # no command is made here
