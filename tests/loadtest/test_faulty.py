"""Peers that break the transport: every call is counted once, under the right class, and the next one goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import loadtest

ROOT = Path(loadtest.__file__).parent.parent
GOOD = "ok"

EXPECTED: dict[str, tuple[str, set[str]]] = {
    "http: reset in between": (GOOD, {"resent"}),
    "http: half a body": ("transport closed", set()),
    "http: half a head": ("transport closed", set()),
    "http: no HTTP": ("transport not-http", set()),
    "http: no JSON": ("json-rpc malformed", set()),
    "http: twice": (GOOD, {"answered-twice"}),
    "http: twice in a stream": (GOOD, {"answered-twice"}),
    "http: a stream without end": ("timeout receive", set()),
    "http: a stream that goes on": (GOOD, set()),
    "http: silence": ("timeout receive", set()),
    "ws: reset": ("transport receive", set()),
    "ws: half a frame": ("transport closed", set()),
    "ws: no frame": ("transport not-websocket", set()),
    "ws: binary": ("transport binary", set()),
    "ws: left when idle": (GOOD, {"closed"}),
    "ws: no JSON": (GOOD, {"stray"}),
    "ws: twice": (GOOD, {"answered-twice"}),
    "ws: silence": ("timeout receive", set()),
    "ws: too late": ("timeout receive", set()),
    "sse: reset": ("transport receive", set()),
    "sse: the stream ends": ("transport closed", set()),
    "sse: half an event": ("transport closed", set()),
    "sse: no JSON": (GOOD, {"stray"}),
    "sse: twice": (GOOD, {"answered-twice"}),
    "sse: silence": ("timeout receive", set()),
    "sse: refused": ("http-status 404", set()),
}
"""What becomes of the second of four calls, and which faults are told that belong to no call."""


@pytest.fixture(scope="module")
def outcomes() -> Any:
    command = [sys.executable, str(Path(__file__).with_name("faulty.py"))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", EXPECTED)
def test_a_fault_of_the_transport_is_one_failure_of_its_class_or_none(outcomes: Any, case: str) -> None:
    second, strays = EXPECTED[case]
    found = outcomes[case]
    assert found["samples"] == [GOOD, second, GOOD, GOOD]
    assert set(found["strays"]) == strays
    assert found["totals"] == [4, int(second != GOOD)]


def test_what_is_reset_at_once_is_not_asked_again(outcomes: Any) -> None:
    found = outcomes["http: reset at once"]
    assert found == {"samples": ["transport receive"] * 4, "strays": [], "totals": [4, 4]}


def test_connections_may_be_closed_between_calls_unannounced(outcomes: Any) -> None:
    found = outcomes["http: closed unannounced"]
    assert (found["samples"], found["totals"]) == ([GOOD] * 4, [4, 0])
    assert set(found["strays"]) <= {"resent"}


def test_an_answer_that_comes_again_is_not_taken_for_the_next_one(outcomes: Any) -> None:
    found = outcomes["http: twice, late"]
    assert found["samples"] == [GOOD, GOOD, "json-rpc wrong-id", GOOD]


def test_every_case_is_judged(outcomes: Any) -> None:
    apart = {"http: reset at once", "http: closed unannounced", "http: twice, late"}
    assert set(outcomes) == set(EXPECTED) | apart
