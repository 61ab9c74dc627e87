"""Our client with protected servers of strangers, which are their own authorization servers."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from reference_impl.client import ClientSettings, connect
from reference_impl.client.auth import AuthorizationCode, Callback, MemoryStore, OAuth
from reference_impl.client.auth.fetching import Fetcher
from tests.interop.conversation import PATIENCE
from tests.interop.strangers import Strangers, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # the first test may have to install a stranger


@pytest.fixture(scope="module", params=["mcp1", "fastmcp"])
def url(request: pytest.FixtureRequest, strangers: Strangers) -> Iterator[str]:
    with serving(strangers.python(request.param, f"guarded_{request.param}.py")) as found:
        yield found


async def test_a_stranger_lets_the_client_in_and_renews_its_tokens(url: str) -> None:
    asked = []

    async def agree(address: str) -> str:
        asked.append(address)
        return (await Fetcher(private=True).get(address, {})).headers["location"]

    store, seen = MemoryStore(), []
    for _ in range(3):
        oauth = OAuth(AuthorizationCode(Callback("http://127.0.0.1:3000/callback", agree)), store)
        with anyio.fail_after(PATIENCE):
            async with connect(url, ClientSettings(authorizer=oauth)) as client:
                assert (await client.call_tool("who"))["content"][0]["text"] == "in"
        seen.append(store.read(f"tokens {url}"))
        store.write(f"tokens {url}", {**seen[-1], "expires_at": 1.0})
    assert len(asked) == 1
    assert len({tokens["access_token"] for tokens in seen}) == 3
