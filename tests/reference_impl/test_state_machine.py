"""Servers and clients survive random interleavings over channels in memory (`machine.conversations`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reference_impl.machine.conversations import Conversations
from tests.reference_impl.machine.profile import BUDGET, quiet


@pytest.fixture(autouse=True)
def unlogged() -> Iterator[None]:
    """Keep what handlers log out of the way."""
    with quiet():
        yield


TestConversations = Conversations.TestCase
TestConversations.settings = BUDGET
