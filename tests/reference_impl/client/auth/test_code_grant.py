"""The authorization request, and what its answer has to be."""

import pytest

from reference_impl.client.auth import AuthorizationCode, Callback
from reference_impl.client.errors import AuthorizationFailed, TokenRefused
from tests.reference_impl.client.auth.world import ISSUER, REDIRECT, SERVER, Issuer, World, headers, refused

pytestmark = pytest.mark.anyio


async def test_the_request_names_everything_that_the_answer_is_held_against():
    world = World()
    await refused(world.oauth(), 'Bearer scope="a b"')
    (asked,) = world.issuer.asked
    assert {name: asked[name] for name in ("response_type", "redirect_uri", "resource", "scope")} == {
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "resource": SERVER,
        "scope": "a b",
    }
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 32
    (form,) = world.issuer.forms
    assert (form["resource"], form["client_id"], form["grant_type"]) == (SERVER, "client-1", "authorization_code")
    assert len(form["code_verifier"]) >= 43


async def test_no_two_requests_share_a_state_or_a_verifier():
    world = World()
    for _ in range(2):
        await refused(world.oauth())
    first, second = world.issuer.asked
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


@pytest.mark.parametrize("methods", [None, [], ["plain"]])
async def test_an_authorization_server_without_s256_is_refused_before_the_user_is_asked(methods):
    world = World(Issuer(said={"code_challenge_methods_supported": methods}))
    with pytest.raises(AuthorizationFailed, match="PKCE"):
        await refused(world.oauth())
    assert world.issuer.asked == world.issuer.registrations == []


@pytest.mark.parametrize("state", [None, "", "another"])
async def test_an_answer_to_another_request_is_discarded(state):
    world = World(Issuer(redirected={"state": state}))
    with pytest.raises(AuthorizationFailed, match="another request"):
        await refused(world.oauth())
    assert world.issuer.forms == []


PROMISED = {"authorization_response_iss_parameter_supported": True}


@pytest.mark.parametrize(
    ("said", "iss", "accepted"),
    [
        (PROMISED, ISSUER, True),
        (PROMISED, None, False),
        (PROMISED, "https://evil.example", False),
        (PROMISED, f"{ISSUER}/", False),
        (PROMISED, "https://AUTH.example", False),
        ({}, None, True),
        ({}, ISSUER, True),
        ({}, "https://evil.example", False),
    ],
)
async def test_the_issuer_in_the_answer_is_the_one_that_was_asked(said, iss, accepted):
    world = World(Issuer(said=said, redirected={"iss": iss}))
    if accepted:
        assert await refused(world.oauth())
        return
    with pytest.raises(AuthorizationFailed, match="authorization response"):
        await refused(world.oauth())
    assert world.issuer.forms == []  # the code never leaves


async def test_the_error_of_another_issuer_is_not_told():
    world = World(Issuer(redirected={"iss": "https://evil.example", "error": "go_to_evil", "code": None}))
    with pytest.raises(AuthorizationFailed) as failure:
        await refused(world.oauth())
    assert "go_to_evil" not in str(failure.value)


async def test_a_user_who_declines_is_heard():
    world = World(Issuer(redirected={"error": "access_denied", "error_description": "no thanks", "code": None}))
    with pytest.raises(TokenRefused, match="access_denied: no thanks"):
        await refused(world.oauth())


async def test_an_answer_without_a_code_or_with_a_parameter_twice_is_none():
    world = World(Issuer(redirected={"code": None}))
    with pytest.raises(AuthorizationFailed, match="no code"):
        await refused(world.oauth())
    world = World()

    async def twice(url: str) -> str:
        return await world.browse(url) + "&code=other"

    with pytest.raises(AuthorizationFailed, match="twice"):
        await refused(world.oauth(AuthorizationCode(Callback(REDIRECT, twice))))


async def test_a_redirect_uri_is_https_or_stays_on_this_machine():
    world = World()
    with pytest.raises(AuthorizationFailed, match="redirect URI"):
        await refused(world.oauth(AuthorizationCode(Callback("http://app.example/callback", world.browse))))
    assert world.issuer.registrations == []


@pytest.mark.parametrize(
    ("listed", "refresh", "scope"),
    [
        (["a", "offline_access"], True, "a offline_access"),
        (["a", "offline_access"], False, "a"),
        (["a"], True, "a"),
        (None, True, "a"),
    ],
)
async def test_a_refresh_token_is_asked_for_where_the_authorization_server_lists_its_scope(listed, refresh, scope):
    world = World(Issuer(said={"scopes_supported": listed}))
    await refused(world.oauth(world.user(refresh=refresh)), 'Bearer scope="a"')
    assert world.issuer.asked[0]["scope"] == scope
    assert ("refresh_token" in world.issuer.registrations[0]["grant_types"]) is refresh


async def test_a_query_in_the_address_of_the_authorization_endpoint_is_kept():
    world = World(Issuer(said={"authorization_endpoint": f"{ISSUER}/authorize?tenant=7"}))
    await refused(world.oauth())
    assert world.issuer.asked[0]["tenant"] == "7"
    assert await headers(world.oauth()) == {}
