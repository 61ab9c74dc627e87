"""The benchmarks of the generator itself: one short measurement of each kind."""

import json
from pathlib import Path

import pytest

from loadtest.benchmarks.environments import Environments
from loadtest.benchmarks.generator_capacity import Rate, rate_of, served
from loadtest.benchmarks.generator_memory import held
from loadtest.benchmarks.generators import GENERATORS


@pytest.mark.parametrize("name", ["McpHttpUser", "FastHttpUser"])
def test_calls_of_a_generator_are_counted_by_the_server_and_its_processor_time_taken(name, tmp_path):
    with served() as server:
        rate = rate_of(GENERATORS[name].command(server.url, tmp_path, Environments(tmp_path)), server, 0.2)
    assert rate.calls > 0
    assert rate.processor > 0


def test_rates_are_calls_by_the_wall_and_by_the_processor():
    rate = Rate(calls=100, seconds=2.0, processor=0.5)
    assert (rate.by_wall, rate.by_processor) == (50.0, 200.0)


def test_a_generator_that_does_not_get_to_work_is_told_of(tmp_path):
    with served() as server, pytest.raises(RuntimeError, match="no such generator"):
        rate_of(["sh", "-c", "echo no such generator"], server, 0.2)


def test_generators_that_are_not_installed_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    for name in ("k6", "wrk"):
        with pytest.raises(FileNotFoundError, match=f"{name} is not installed"):
            GENERATORS[name].command("http://127.0.0.1:1/mcp", tmp_path, Environments(tmp_path))


def test_wrk_sends_the_call_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "wrk").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    command = GENERATORS["wrk"].command("http://127.0.0.1:1/mcp", tmp_path, Environments(tmp_path))
    script = Path(command[command.index("-s") + 1]).read_text()
    body = script.partition("[==[")[2].partition("]==]")[0]
    assert json.loads(body)["method"] == "tools/call"


@pytest.mark.parametrize("kind", ["sessions", "streams"])
def test_what_conversations_take_is_measured(kind):
    before, after, seconds = held(kind, 20)
    assert before > 0
    assert 0 < after < 1024
    assert seconds > 0
