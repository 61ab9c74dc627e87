"""Who the client is to an authorization server."""

import pytest

from reference_impl.client.auth import ClientDescription, ClientIdentity, MemoryStore
from reference_impl.client.errors import AuthorizationFailed, TokenRefused
from tests.reference_impl.client.auth.world import ISSUER, REDIRECT, Issuer, World, headers, refused, reply

pytestmark = pytest.mark.anyio

DOCUMENT = "https://app.example/client.json"


async def asked_as(world: World, **description) -> str:
    """Return the client id of the authorization request."""
    assert await refused(world.oauth(world.user(**description)))
    return world.issuer.asked[-1]["client_id"]


def documented() -> Issuer:
    return Issuer(said={"client_id_metadata_document_supported": True})


async def test_an_identity_from_before_comes_first():
    world = World(documented())
    known = ClientIdentity("known", ISSUER)
    assert await asked_as(world, registered=(known,), metadata_url=DOCUMENT) == "known"
    assert world.issuer.registrations == []


async def test_the_document_comes_second_where_the_authorization_server_takes_it():
    world = World(documented())
    assert await asked_as(world, metadata_url=DOCUMENT) == DOCUMENT
    assert world.issuer.registrations == []
    assert await asked_as(World(), metadata_url=DOCUMENT) == "client-1"


async def test_registration_comes_last_and_says_what_the_client_is():
    world = World()
    assert await asked_as(world, name="Probe") == "client-1"
    assert world.issuer.registrations == [
        {
            "client_name": "Probe",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        }
    ]


async def test_a_registration_is_made_once_for_an_issuer_and_a_redirect_uri():
    world, store = World(), MemoryStore()
    for _ in range(2):
        await refused(world.oauth(store=store))
    assert len(world.issuer.registrations) == 1
    assert f"client {ISSUER} https://mcp.example/mcp" in store._values


async def test_a_registration_whose_secret_has_ended_is_made_anew():
    world, store = World(), MemoryStore()
    world.issuer.register = lambda _: reply(  # type: ignore[method-assign] # for one object alone
        201, {"client_id": "short-lived", "client_secret": "s", "client_secret_expires_at": 1}
    )
    await refused(world.oauth(store=store))
    del world.issuer.register
    await refused(world.oauth(store=store))
    assert [asked["client_id"] for asked in world.issuer.asked] == ["short-lived", "client-1"]


async def test_a_client_that_the_authorization_server_has_forgotten_registers_again_once():
    world, store = World(), MemoryStore()
    await refused(world.oauth(store=store))
    world.issuer.refuses["authorization_code"] = "invalid_client"
    with pytest.raises(TokenRefused, match="invalid_client"):
        await refused(world.oauth(store=store))
    assert len(world.issuer.registrations) == 2


async def test_a_client_registers_for_the_scopes_that_it_asks_for():
    world = World(Issuer(said={"scopes_supported": ["offline_access"]}))
    await refused(world.oauth(), 'Bearer scope="a b"')
    assert world.issuer.registrations[0]["scope"] == "a b offline_access"


async def test_a_registration_for_fewer_scopes_is_made_anew_before_the_user_is_asked():
    world = World()
    oauth = world.oauth()
    await refused(oauth, 'Bearer scope="a"')
    await refused(oauth, 'Bearer error="insufficient_scope", scope="b"', 403)
    assert [registration["scope"] for registration in world.issuer.registrations] == ["a", "a b"]
    assert [asked["client_id"] for asked in world.issuer.asked] == ["client-1", "client-2"]


async def test_why_a_registration_was_refused_is_told():
    world = World()
    world.issuer.register = lambda _: reply(  # type: ignore[method-assign] # for one object alone
        400, {"error": "invalid_redirect_uri", "error_description": "no loopback addresses for web applications"}
    )
    with pytest.raises(TokenRefused, match="invalid_redirect_uri: no loopback addresses") as failure:
        await refused(world.oauth())
    assert failure.value.error == "invalid_redirect_uri"


async def test_where_nothing_is_left_the_user_is_told_what_to_do():
    world = World(Issuer(said={"registration_endpoint": None}))
    with pytest.raises(AuthorizationFailed, match="registered there by hand"):
        await refused(world.oauth())
    other = ClientIdentity("known", "https://other.example", "secret")
    with pytest.raises(AuthorizationFailed, match=r"it is registered with https://other\.example"):
        await refused(world.oauth(world.user(registered=(other,))))
    assert world.issuer.forms == []


async def test_an_identity_of_unknown_issuer_belongs_to_the_first_that_is_met():
    store, identity = MemoryStore(), ClientIdentity("known", client_secret="secret")
    first = World()
    await refused(first.oauth(first.user(registered=(identity,)), store))
    assert first.issuer.asked[0]["client_id"] == "known"
    second = World(Issuer("https://evil.example"))
    with pytest.raises(AuthorizationFailed, match=r"registered\s+with https://auth\.example"):
        await refused(second.oauth(second.user(registered=(identity,)), store))
    assert second.issuer.asked == second.issuer.forms == []


def test_a_document_needs_a_path_and_tls():
    for url in ("http://app.example/client.json", "https://app.example/", "https://app.example"):
        with pytest.raises(ValueError, match="https URL with a path"):
            ClientDescription(metadata_url=url)


async def test_secrets_of_an_identity_are_not_printed():
    identity = ClientIdentity("known", ISSUER, "hush", "PEM")
    assert "hush" not in repr(identity)
    assert "PEM" not in repr(identity)
    world = World()
    oauth = world.oauth()
    await refused(oauth)
    assert "token-1" not in repr(oauth._holding("https://mcp.example/mcp").tokens)
    assert (await headers(oauth))["authorization"] == "Bearer token-1"
