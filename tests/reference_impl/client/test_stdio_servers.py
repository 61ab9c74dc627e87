"""Servers that are real processes, some of them badly brought up."""

import sys

import anyio
import pytest

from reference_impl.client import ClientSettings, ConnectionClosed, StdioCommand, connect
from reference_impl.protocol.revisions import R2025_11_25, R2026_07_28

pytestmark = pytest.mark.anyio

LEGACY = """
import json, sys
strict = {strict}
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    if request["method"] == "initialize":
        result = {{"protocolVersion": "2025-11-25", "capabilities": {{"tools": {{}}}}, "serverInfo": {{"name": "old"}}}}
    elif strict:
        sys.exit("expected initialize")
    else:
        result = {{"content": [{{"type": "text", "text": request["method"]}}]}}
    strict = strict and request["method"] != "initialize"
    print(json.dumps({{"jsonrpc": "2.0", "id": request["id"], "result": result}}), flush=True)
"""
MODERN = """
import json, sys
print("listening", file=sys.stderr, flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "server/discover":
        result = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
    else:
        sys.exit("lost my mind")
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
"""
DEAF = "import sys; sys.exit('No module named server')"


@pytest.fixture
def settings():
    return ClientSettings(stop_grace=0.5)


def command(script: str) -> StdioCommand:
    return StdioCommand((sys.executable, "-c", script))


async def test_a_legacy_server_is_started_and_called(settings):
    async with connect(command(LEGACY.format(strict=False)), settings) as client:
        assert client.revision is R2025_11_25
        assert (await client.call_tool("x"))["content"][0]["text"] == "tools/call"


async def test_a_server_that_dies_of_the_probe_is_started_again(settings):
    async with connect(command(LEGACY.format(strict=True)), settings) as client:
        assert client.revision is R2025_11_25
        assert (await client.call_tool("x"))["content"][0]["text"] == "tools/call"


async def test_a_server_that_dies_in_a_call_is_quoted(settings):
    async with connect(command(MODERN), settings) as client:
        assert client.revision is R2026_07_28
        with pytest.raises(ConnectionClosed, match=r"exited with status 1; it last wrote: listening lost my mind"):
            await client.call_tool("x")


async def test_a_server_that_never_lived_is_quoted(settings):
    with pytest.raises(ConnectionClosed, match="exited with status 1; it last wrote: No module named server"):
        async with connect(command(DEAF), settings):
            pass


async def test_a_command_that_cannot_be_started_says_why(settings):
    with pytest.raises(ConnectionClosed, match="no-such-server: no such program"):
        async with connect(StdioCommand(("no-such-server",)), settings):
            pass


async def test_an_exception_of_the_block_comes_out_as_it_is(settings):
    with pytest.raises(KeyError, match="mine"):
        async with connect(command(MODERN), settings):
            raise KeyError("mine")


async def test_a_cancelled_block_stops_the_server(settings):
    with anyio.move_on_after(5) as scope:
        async with connect(command(MODERN), settings):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
