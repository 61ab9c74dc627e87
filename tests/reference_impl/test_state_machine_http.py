"""A server survives random interleavings over HTTP (`machine.exchanges`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reference_impl.machine.exchanges import Exchanges
from tests.reference_impl.machine.profile import BUDGET, quiet


@pytest.fixture(autouse=True)
def unlogged() -> Iterator[None]:
    """Keep what handlers log out of the way."""
    with quiet():
        yield


TestExchanges = Exchanges.TestCase
TestExchanges.settings = BUDGET
