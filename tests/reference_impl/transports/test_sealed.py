"""Sealed channels over lines in memory, with honest peers and others."""

from contextlib import asynccontextmanager

import anyio
import pytest

from reference_impl.protocol.sealing import Envelopes
from reference_impl.security.sealing import SealKeys, new_key
from reference_impl.transports.channel import HIGH_WATER
from reference_impl.transports.memory import memory_pair
from reference_impl.transports.messages import LineChannel
from reference_impl.transports.sealed import SealBroken, seal

pytestmark = pytest.mark.anyio
KEY = new_key()
PLAIN = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def sealed_pair(client_keys=(KEY,), server_keys=(KEY,)):
    """Both ends sealed, and the line channel in the middle that somebody could sit on."""
    near, far = map(LineChannel, memory_pair())
    ends = {}

    async def make(name, channel, keys):
        ends[name] = await seal(channel, SealKeys(keys), name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(make, "client", near, client_keys)
            tasks.start_soon(make, "server", far, server_keys)
        yield ends["client"], ends["server"], near, far


async def test_messages_go_both_ways():
    async with sealed_pair() as (client, server, _, _):
        await client.send(PLAIN)
        assert await server.receive() == PLAIN
        await server.send(b"back")
        assert await client.receive() == b"back"
        await client.aclose()
        with pytest.raises(anyio.EndOfStream):
            await server.receive()


async def test_sides_with_keys_in_another_order_understand_each_other():
    other = new_key()
    async with sealed_pair((KEY, other), (other, KEY)) as (client, server, _, _):
        await client.send(PLAIN)
        assert await server.receive() == PLAIN
        await server.send(b"back")
        assert await client.receive() == b"back"


async def test_messages_sent_at_once_arrive_in_the_order_of_their_numbers():
    async with sealed_pair() as (client, server, _, _):
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(client.send, b"%d" % number)
        assert {await server.receive() for _ in range(20)} == {b"%d" % number for number in range(20)}


async def test_a_meddler_breaks_the_seal_for_good():
    async with sealed_pair() as (client, server, near, _):
        await near.send(PLAIN)
        with pytest.raises(SealBroken, match="plain messages"):
            await server.receive()
        await client.send(b"honest again")
        for broken in (server.receive(), server.send(b"answer")):
            with pytest.raises(SealBroken, match="plain messages"):
                await broken
        assert server.failure is not None


async def test_a_plain_client_is_refused_and_never_answered():
    near, far = map(LineChannel, memory_pair())
    await near.send(PLAIN)
    with pytest.raises(SealBroken, match="plain messages"):
        await seal(far, SealKeys([KEY]), "server")
    await far.aclose()
    with pytest.raises(anyio.EndOfStream):
        await near.receive()


async def test_a_plain_server_is_refused():
    near, far = map(LineChannel, memory_pair())
    await far.send(b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid request"}}')
    with pytest.raises(SealBroken, match="plain messages"):
        await seal(near, SealKeys([KEY]), "client")


async def test_an_old_hello_is_refused():
    near, far = map(LineChannel, memory_pair())
    await near.send(Envelopes(SealKeys([KEY]), "client", b"n" * 16).hello())
    with pytest.raises(SealBroken, match="too old"):
        await seal(far, SealKeys([KEY], ttl=-1), "server")


@pytest.mark.parametrize(("sent", "reason"), [((0, 0), "replayed"), ((1,), "out of order"), ((0, 2), "out of order")])
async def test_envelopes_that_a_meddler_sends_again_or_swaps_break_the_seal(sent, reason):
    near, far = map(LineChannel, memory_pair())
    envelopes = Envelopes(SealKeys([KEY]), "client", b"n" * 16)
    await near.send(envelopes.hello())
    server = await seal(far, SealKeys([KEY]), "server")
    envelopes.greeted(await near.receive())
    recorded = [envelopes.seal(b"%d" % number) for number in range(3)]
    for number in sent:
        await near.send(recorded[number])
    for number in sent[:-1]:
        assert await server.receive() == b"%d" % number
    with pytest.raises(SealBroken, match=reason):
        await server.receive()


async def test_an_envelope_that_comes_back_breaks_the_seal():
    near, far = map(LineChannel, memory_pair())
    async with anyio.create_task_group() as tasks:

        async def mirror():
            await far.send(await far.receive())

        tasks.start_soon(mirror)
        with pytest.raises(SealBroken, match="reflected"):
            await seal(near, SealKeys([KEY]), "client", patience=5)


async def test_a_peer_that_says_nothing_is_given_up():
    near, _ = map(LineChannel, memory_pair())
    with pytest.raises(SealBroken, match="no hello came within 0 s"):
        await seal(near, SealKeys([KEY]), "client", patience=0)


async def test_who_gives_up_waiting_for_room_breaks_no_sequence():
    async with sealed_pair() as (client, server, _, _):
        await client.send(b"x" * HIGH_WATER)
        with anyio.move_on_after(0.01) as scope:
            await client.send(b"given up")
        assert scope.cancelled_caught
        assert [len(await server.receive()), await server.receive()] == [HIGH_WATER, b"given up"]
        await client.send(PLAIN)
        assert await server.receive() == PLAIN
