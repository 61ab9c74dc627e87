"""Grants without a user."""

import pytest

from reference_impl.client.auth import (
    ClientCredentials,
    ClientIdentity,
    EnterpriseManaged,
    IdentityProvider,
    MemoryStore,
    WorkloadIdentity,
)
from reference_impl.client.errors import AuthorizationFailed, TokenRefused
from tests.reference_impl.client.auth.world import ISSUER, SERVER, Issuer, World, basic, headers, refused

pytestmark = pytest.mark.anyio

BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
IDP = "https://idp.example"
JAG = "urn:ietf:params:oauth:token-type:id-jag"


async def test_a_client_gets_a_token_for_itself_and_a_new_one_when_that_is_refused():
    world = World()
    oauth = world.oauth(ClientCredentials(ClientIdentity("me", ISSUER, "secret")))
    assert await refused(oauth, 'Bearer scope="a"')
    assert world.issuer.forms == [
        {"grant_type": "client_credentials", "scope": "a", "resource": SERVER, "client_id": "me"}
    ]
    assert basic(world.issuer.heads[0]) == "me:secret"
    assert await refused(oauth)
    assert (await headers(oauth))["authorization"] == "Bearer token-2"
    assert world.issuer.registrations == world.issuer.asked == []


async def test_a_client_without_a_secret_cannot_act_for_itself():
    with pytest.raises(AuthorizationFailed, match="neither a secret nor a private key"):
        await refused(World().oauth(ClientCredentials(ClientIdentity("me", ISSUER))))


async def jwt(_: str) -> str:
    return "workload-jwt"


@pytest.mark.parametrize("grant", [ClientCredentials, lambda identity: WorkloadIdentity(identity, jwt)])
async def test_nothing_is_sent_to_an_issuer_that_the_identity_does_not_belong_to(grant):
    world = World(Issuer("https://evil.example"))
    with pytest.raises(AuthorizationFailed, match="is registered"):
        await refused(world.oauth(grant(ClientIdentity("me", ISSUER, "secret"))))
    assert world.issuer.forms == []


async def test_an_identity_without_an_issuer_stays_with_the_first_one():
    store, grant = MemoryStore(), ClientCredentials(ClientIdentity("me", client_secret="secret"))
    await refused(World().oauth(grant, store))
    world = World(Issuer("https://evil.example"))
    with pytest.raises(AuthorizationFailed, match="is registered"):
        await refused(world.oauth(grant, store))
    assert world.issuer.forms == []


async def test_a_workload_shows_the_jwt_that_was_made_for_the_issuer():
    world, audiences = World(), []

    async def made(audience: str) -> str:
        audiences.append(audience)
        return "workload-jwt"

    assert await refused(world.oauth(WorkloadIdentity(ClientIdentity("me", ISSUER), made)))
    (form,) = world.issuer.forms
    assert (form["grant_type"], form["assertion"], form["resource"]) == (BEARER, "workload-jwt", SERVER)
    assert audiences == [ISSUER]


async def test_a_refused_assertion_is_shown_once():
    world = World(Issuer(refuses={BEARER: "invalid_grant"}))
    with pytest.raises(TokenRefused, match="invalid_grant"):
        await refused(world.oauth(WorkloadIdentity(ClientIdentity("me", ISSUER), jwt)))
    assert len(world.issuer.forms) == 1


def enterprise(idp: Issuer) -> tuple[World, EnterpriseManaged]:
    world = World(Issuer(), idp)
    world.describe(authorization_servers=[ISSUER])
    provider = IdentityProvider(IDP, f"{IDP}/token", ClientIdentity("idp-client", IDP))

    async def subject() -> str:
        return "id-token"

    return world, EnterpriseManaged(ClientIdentity("me", ISSUER, "secret"), provider, subject)


async def test_an_enterprise_turns_an_identity_into_a_grant_and_that_into_a_token():
    idp = Issuer(IDP, answer={"access_token": "jag", "token_type": "N_A", "issued_token_type": JAG})
    world, grant = enterprise(idp)
    assert await refused(world.oauth(grant), 'Bearer scope="a"')
    assert idp.forms == [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": JAG,
            "audience": ISSUER,
            "resource": SERVER,
            "subject_token": "id-token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "scope": "a",
            "client_id": "idp-client",
        }
    ]
    (form,) = world.issuer.forms
    assert (form["grant_type"], form["assertion"]) == (BEARER, "jag")
    assert basic(world.issuer.heads[0]) == "me:secret"
    assert "id-token" not in repr(world.issuer.forms)


async def test_an_identity_provider_that_issues_something_else_is_not_passed_on():
    world, grant = enterprise(Issuer(IDP, answer={"access_token": "x", "issued_token_type": "other"}))
    with pytest.raises(AuthorizationFailed, match="issued no identity assertion"):
        await refused(world.oauth(grant))
    assert world.issuer.forms == []


def test_an_identity_provider_needs_tls():
    with pytest.raises(AuthorizationFailed, match="HTTPS"):
        IdentityProvider(IDP, "http://idp.example/token", ClientIdentity("c", IDP))
