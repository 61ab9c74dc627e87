"""`/health` knows whether the database is there."""

import asyncio
import itertools

import pytest

from reference_impl.server.readiness import Readiness
from reference_impl.servers.database import make_server

pytestmark = pytest.mark.anyio


async def test_a_server_is_ready_as_long_as_its_database_answers(postgres):
    server = make_server(postgres.url("reader"))
    server.readiness = Readiness(timeout=10, clock=itertools.count().__next__)
    async with server.running():
        assert await server.readiness.checks() == {"database": True}
        await asyncio.to_thread(postgres.stop)
        try:
            assert await server.readiness.checks() == {"database": False}
        finally:
            await asyncio.to_thread(postgres.start)
        assert await server.readiness.checks() == {"database": True}


async def test_the_embedded_database_is_ready():
    server = make_server()
    async with server.running():
        assert await server.readiness.checks() == {"database": True}
