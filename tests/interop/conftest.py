"""Strangers, installed once; our own servers, started once for the tests that share a worker."""

from __future__ import annotations

import pytest

from tests.interop.strangers import Strangers, home


@pytest.fixture(scope="session")
def strangers() -> Strangers:
    """Where strangers are installed."""
    return Strangers(home())


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
