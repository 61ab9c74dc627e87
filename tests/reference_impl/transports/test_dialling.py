"""Names that stand for several addresses."""

import asyncio
import socket

import anyio
import pytest

from reference_impl.transports import dialling
from reference_impl.transports.dialling import dial
from reference_impl.transports.http_terms import ConnectFailed, Origin

pytestmark = pytest.mark.anyio
SOMEWHERE = Origin("http", "server.invalid", 80)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.fixture
def silent():
    """An address that never answers: its queue of connections is full."""
    server = socket.create_server(("127.0.0.1", 0), backlog=0)
    filling = [socket.socket() for _ in range(4)]
    for each in filling:
        each.settimeout(0)
        each.connect_ex(server.getsockname())
    yield server.getsockname()
    for each in (*filling, server):
        each.close()


@pytest.fixture
def named(monkeypatch):
    """Return a function that gives the name its addresses; the next is tried at once after the last."""

    def named(*addresses: tuple[str, int]) -> None:
        async def look_up(*_, **__):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        monkeypatch.setattr(dialling, "_LEAD", 0.0)

    return named


@pytest.mark.parametrize("first", [True, False])
async def test_an_address_that_never_answers_holds_up_no_other_even_if_that_takes_a_while(named, silent, first):
    with listener() as server:
        named(*((silent, server.getsockname()) if first else (server.getsockname(), silent)))
        with anyio.fail_after(2):
            connection = await dial(SOMEWHERE)
        assert connection.getpeername() == server.getsockname()
        connection.close()


async def test_the_first_reason_is_told_where_no_address_answers(named):
    with listener() as server:
        gone = server.getsockname()
    named(gone, gone)
    with pytest.raises(ConnectFailed, match=r"server\.invalid: connection refused"):
        await dial(SOMEWHERE)


async def test_who_gives_up_leaves_no_connection_behind(named, silent):
    named(silent, silent)
    with anyio.move_on_after(0.01) as scope:
        await dial(SOMEWHERE)
    assert scope.cancelled_caught
