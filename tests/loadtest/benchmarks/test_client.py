"""The client's benchmark, without the peer: our own client makes calls, and they are counted."""

import sys

import pytest

from loadtest.benchmarks import client
from loadtest.benchmarks.environments import Environments
from loadtest.benchmarks.servers.null import answer
from loadtest.benchmarks.settings import Settings
from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

OURS = [sys.executable, "-m", "loadtest.benchmarks.clients.ours", "asyncio"]


@pytest.mark.parametrize("revision", [LATEST, LATEST_LEGACY], ids=str)
@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_calls_are_counted_with_what_they_cost(transport, revision, tmp_path):
    settings = Settings(Environments(tmp_path), seconds=0.1, warm_up=0.01)
    sample = client._sample([*OURS, revision.name, "4"], transport, settings)
    assert sample.value > 0
    assert sample.cost is not None


def test_the_null_server_answers_requests_and_nothing_else():
    call = {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {}}
    answered = decode_json(answer(encode_json(call)))
    assert answered["id"] == "a"
    assert answered["result"]["content"][0]["text"] == "hello"
    assert answer(encode_json({"jsonrpc": "2.0", "method": "notifications/initialized"})) is None
