"""What a server says by itself is read, however it looks: what cannot be is no message."""

from __future__ import annotations

import pytest

from loadtest.answers import asked
from loadtest.incoming import hear, response_id

DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("value", [b"7", b'"\xff"', b"{", DEEP], ids=["a number", "no UTF-8", "no end", "depth"])
def test_what_cannot_be_read_is_no_message(value: bytes) -> None:
    line = b'{"jsonrpc":"2.0","id":7,"method":"ping","params":' + value
    assert hear(line, 0.0, {}) == (None, None)
    assert response_id(line) is None
    assert asked(b'{"result":{"resultType":"input_required","inputRequests":' + value) is None
