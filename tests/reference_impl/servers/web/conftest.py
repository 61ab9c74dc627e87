"""asyncio alone: the server runs on it."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
