"""The grammar of `_meta` keys."""

from __future__ import annotations

import pytest

from conformance.meta_keys import key_flaw, prefix_flaw


@pytest.mark.parametrize(
    "key",
    [
        "progressToken",
        "a",
        "a.b_c-d",
        "com.example/",
        "com.example/name",
        "io.modelcontextprotocol/serverInfo",
        "",
        "9x",
    ],
)
def test_well_formed_keys_pass(key: str) -> None:
    assert key_flaw(key) is None


@pytest.mark.parametrize(
    "key", ["_private", "name-", "a b", "9com/name", "com..example/name", "com.example-/name", "/name", "a/b/c"]
)
def test_malformed_keys_are_told(key: str) -> None:
    assert repr(key) in str(key_flaw(key))


def test_extensions_need_a_prefix() -> None:
    assert key_flaw("com.example/name", prefixed=True) is None
    assert key_flaw("name", prefixed=True) == "'name' has no prefix"


@pytest.mark.parametrize(
    "key", ["name", "com.example/name", "io.modelcontextprotocol/serverInfo", "dev.mcp/a", "net.com/a", "openai/widget"]
)
def test_prefixes_that_may_be_domains_written_from_their_end_pass(key: str) -> None:
    assert prefix_flaw(key) is None


@pytest.mark.parametrize("key", ["progress/name", "example.com/name"])
def test_prefixes_that_are_none_are_told(key: str) -> None:
    assert repr(key) in str(prefix_flaw(key))
