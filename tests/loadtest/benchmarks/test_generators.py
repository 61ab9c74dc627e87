"""One short measurement of each kind, on our own server."""

import os
import shutil
import sys
from importlib.util import find_spec

import pytest

from loadtest.benchmarks.environments import Environments
from loadtest.benchmarks.http_load import HttpPlan, http_sample
from loadtest.benchmarks.machine import MEASURED, on_core, started
from loadtest.benchmarks.memory import abandoned_sample, idle_sample
from loadtest.benchmarks.programs import bare, bare_on_ours, ours, ours_on
from loadtest.benchmarks.start import start_sample
from loadtest.benchmarks.stdio_load import stdio_sample
from loadtest.benchmarks.traffic import Traffic, WrongAnswerError, discovery, judged_events
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY
from reference_impl.protocol.streamable import SSE_TYPE

SECONDS = 0.2
EVENTS = HttpPlan(Traffic(LATEST_LEGACY), 2, judged_events(0), sessions=True, accept=SSE_TYPE)
PROGRESS = HttpPlan(Traffic(LATEST_LEGACY, "count", progress=True), 2, judged_events(3), sessions=True)


@pytest.mark.parametrize(
    ("command", "plan"),
    [
        (ours("http"), HttpPlan(Traffic(LATEST), 2)),
        (ours("http"), EVENTS),
        (ours("http"), PROGRESS),
        (ours_on("uvicorn"), HttpPlan(Traffic(LATEST_LEGACY), 2, sessions=True)),
        (bare(), HttpPlan(Traffic(LATEST), 2)),
        (bare_on_ours(), HttpPlan(Traffic(LATEST), 2)),
    ],
    ids=["modern", "events", "progress", "plain uvicorn", "bare", "bare on ours"],
)
def test_calls_over_http_are_counted_and_their_cost_is_taken(command, plan):
    sample = http_sample(command, plan, SECONDS, 0.05)
    assert sample.value > 10
    assert sample.cost is not None


@pytest.mark.skipif(find_spec("granian") is None, reason="granian is not installed")
@pytest.mark.parametrize("plan", [HttpPlan(Traffic(LATEST), 2), EVENTS, PROGRESS], ids=["modern", "events", "progress"])
def test_granian_serves_the_same(plan):
    assert http_sample(ours_on("granian"), plan, SECONDS, 0.05).value > 10


def test_a_wrong_answer_is_no_speed():
    with pytest.raises(WrongAnswerError, match="was answered with 200"):
        http_sample(bare(), HttpPlan(Traffic(LATEST), 1, judged_events(0)), SECONDS, 0.05)


@pytest.mark.parametrize("revision", [LATEST, LATEST_LEGACY], ids=str)
def test_calls_over_stdio_are_counted(revision):
    assert stdio_sample(ours("stdio"), Traffic(revision), 8, SECONDS, 0.05).value > 10


def test_a_server_on_stdio_that_answers_something_else_is_not_measured():
    with pytest.raises(WrongAnswerError):
        stdio_sample([sys.executable, "-c", "print('hello', flush=True); input()"], Traffic(LATEST), 1, SECONDS, 0)


def test_a_start_is_timed_to_its_first_answer():
    sample = start_sample(ours("stdio"), discovery(), times=1)
    assert sample.value > 1
    assert sample.cost > 1000


def test_sessions_take_memory_while_they_last():
    assert idle_sample(ours("http"), 200).value < 1000
    assert abandoned_sample(ours("brief"), 100, 200).value < 1000


@pytest.mark.skipif(MEASURED is None, reason="nothing can be pinned here")
def test_a_process_runs_on_the_core_it_was_given_and_is_ended():
    before = os.sched_getaffinity(0)
    with started([sys.executable, "-c", "input()"], MEASURED, stdin=-1) as process:
        assert os.sched_getaffinity(process.pid) == {MEASURED}
    assert process.returncode is not None
    with on_core(None):
        assert os.sched_getaffinity(0) == before


def test_environments_that_are_ready_are_used_as_they_are(tmp_path):
    (tmp_path / "mcp2").mkdir()
    (tmp_path / "mcp2" / "ready").touch()
    assert Environments(tmp_path).sdk_python().startswith(str(tmp_path / "mcp2"))


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_peer_that_was_installed_is_found(tmp_path):
    script = tmp_path / "everything/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
    script.parent.mkdir(parents=True)
    script.touch()
    assert Environments(tmp_path).everything()[1:] == [str(script)]


def test_peers_on_node_need_node(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="npm"):
        Environments(tmp_path).everything()
