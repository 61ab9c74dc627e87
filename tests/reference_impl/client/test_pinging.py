"""A server that is asked whether it is there."""

import anyio
import pytest

from reference_impl.client import ConnectionClosed

pytestmark = pytest.mark.anyio


async def test_a_server_that_answers_is_asked_again_and_stays(talk):
    asked = anyio.Event()

    async def script(peer):
        await peer.open_legacy()
        for _ in range(2):
            await peer.answer(await peer.expect("ping"), {})
            await peer.refuse(await peer.expect("ping"), -32601)
        asked.set()

    async with talk(script, ping_interval=0.01):
        await asked.wait()


async def test_the_connection_to_one_that_does_not_ends_and_so_does_what_waits_for_it(talk):
    async def script(peer):
        await peer.open_legacy()
        await peer.expect("tools/call")
        await peer.expect("ping")
        await peer.expect("notifications/cancelled")
        with pytest.raises(anyio.EndOfStream):
            await peer.receive()

    async with talk(script, ping_interval=0.01, ping_timeout=0.05) as client:
        with pytest.raises(ConnectionClosed):
            await client.call_tool("slow")


async def test_a_modern_server_is_never_asked(talk):
    async def script(peer):
        await peer.open_modern()
        await peer.complete(await peer.expect("tools/list"), tools=[], ttlMs=0, cacheScope="private")

    async with talk(script, ping_interval=0.0) as client:
        await anyio.lowlevel.checkpoint()
        await client.list_tools()
