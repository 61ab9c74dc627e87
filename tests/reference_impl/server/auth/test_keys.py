"""Keys fetched over HTTP: found, kept, refreshed, and never too often."""

import anyio
import pytest

from reference_impl.server.auth import FetchedKeys, VerificationUnavailableError
from reference_impl.server.auth.fetch import Fetcher
from reference_impl.server.auth.keys import Freshness, metadata_urls

pytestmark = pytest.mark.anyio


@pytest.fixture
def keys(origin, issuer, clock):
    origin.documents["/jwks"] = issuer.document
    return FetchedKeys(origin.url, f"{origin.url}/jwks", freshness=Freshness(clock=clock))


async def test_keys_are_fetched_once_and_kept(keys, origin, clock):
    assert [key.get("kid") for key in await keys.find("ec")] == ["ec"]
    assert len(await keys.find(None)) == 2
    assert origin.seen == ["/jwks"]
    clock.now += 601
    await keys.find("ec")
    assert len(origin.seen) == 2


async def test_many_who_ask_at_once_share_a_fetch(keys, origin):
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(keys.find, "ec")
    assert len(origin.seen) == 1


async def test_a_new_key_is_found_at_once_and_the_next_after_the_cooldown(keys, origin, issuer, clock):
    await keys.find("ec")
    public = issuer.keys["ec"].as_dict(private=False)
    origin.documents["/jwks"] = {"keys": [public | {"kid": "new"}]}
    assert len(await keys.find("new")) == 1
    origin.documents["/jwks"] = {"keys": [public | {"kid": "newer"}]}
    assert await keys.find("newer") == []
    clock.now += 31
    assert len(await keys.find("newer")) == 1
    assert await keys.find("ec") == []


async def test_a_document_without_keys_does_not_take_away_those_that_are_known(keys, origin, clock):
    await keys.find("ec")
    origin.documents["/jwks"] = {"error": "maintenance"}
    clock.now += 601
    assert len(await keys.find("ec")) == 1


async def test_old_keys_serve_while_the_issuer_is_away_but_not_for_ever(keys, origin, clock):
    await keys.find("ec")
    origin.documents.clear()
    clock.now += 700
    assert len(await keys.find("ec")) == 1
    clock.now += 3000
    with pytest.raises(VerificationUnavailableError):
        await keys.find("ec")


async def test_an_issuer_that_cannot_be_reached_is_asked_again_only_after_the_cooldown(keys, origin, issuer, clock):
    origin.documents.clear()
    for _ in range(5):
        with pytest.raises(VerificationUnavailableError):
            await keys.find("ec")
    assert len(origin.seen) == 1
    origin.documents["/jwks"] = issuer.document
    clock.now += 31
    assert await keys.find("ec")


async def test_metadata_leads_to_the_keys(origin, issuer):
    origin.documents["/jwks"] = issuer.document
    document = {"issuer": origin.url, "jwks_uri": f"{origin.url}/jwks"}
    origin.documents["/.well-known/openid-configuration"] = document
    assert await FetchedKeys(origin.url).find("ec")
    assert origin.seen == ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/jwks"]


async def test_metadata_about_another_issuer_is_not_believed(origin, issuer):
    origin.documents["/jwks"] = issuer.document
    document = {"issuer": "https://evil.example", "jwks_uri": f"{origin.url}/jwks"}
    origin.documents["/.well-known/oauth-authorization-server"] = document
    with pytest.raises(VerificationUnavailableError):
        await FetchedKeys(origin.url).find("ec")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{", b'"keys"', b"\xff", b'{"keys": "' + b"x" * 300_000 + b'"}'])
async def test_what_is_no_key_set_is_none(keys, origin, body):
    origin.documents["/jwks"] = body
    with pytest.raises(VerificationUnavailableError):
        await keys.find("ec")


async def test_a_slow_or_endless_issuer_holds_nobody_up(origin):
    async def silent(_writer):
        await anyio.sleep(5)

    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        for _ in range(200):
            writer.write(b" " * 65536)
            await writer.drain()

    for answer, fetcher in ((silent, Fetcher(seconds=0.05)), (endless, Fetcher())):
        origin.documents["/jwks"] = answer
        with pytest.raises(VerificationUnavailableError):
            await FetchedKeys(origin.url, f"{origin.url}/jwks", fetcher=fetcher).find("ec")


@pytest.mark.parametrize(
    ("issuer", "paths"),
    [
        ("https://a.example", ["oauth-authorization-server", "openid-configuration"]),
        ("https://a.example/", ["oauth-authorization-server", "openid-configuration"]),
    ],
)
async def test_the_metadata_of_an_issuer_without_path_is_at_its_root(issuer, paths):
    assert metadata_urls(issuer) == [f"https://a.example/.well-known/{path}" for path in paths]


async def test_the_metadata_of_an_issuer_with_path_is_at_three_places():
    assert metadata_urls("https://a.example/t/1") == [
        "https://a.example/.well-known/oauth-authorization-server/t/1",
        "https://a.example/.well-known/openid-configuration/t/1",
        "https://a.example/t/1/.well-known/openid-configuration",
    ]
