"""One PostgreSQL server for all tests of a process, where it is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reference_impl.servers.database.postgres_server import PostgresServer, programs, running


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with running() as server:
        yield server
