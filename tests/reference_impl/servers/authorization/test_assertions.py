"""Enterprise-managed authorization: an identity provider, and an authorization server that trusts it."""

import pytest

from reference_impl.server.auth import FixedKeys
from reference_impl.server.auth.jwt import read
from reference_impl.servers.authorization import AuthorizationServer, Client, Settings

pytestmark = pytest.mark.anyio
IDP = "http://127.0.0.1:9000"
AS = "https://auth.chat.example"
RESOURCE = "https://mcp.chat.example"
REDIRECT = ("https://client.example/callback",)
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


@pytest.fixture
def idp(visitor):
    grants = ("authorization_code", EXCHANGE)
    clients = [Client("public", REDIRECT, grants=grants), Client("other", REDIRECT, grants=grants)]
    return visitor(clients, chains=(AS,), scopes=("mcp",))


@pytest.fixture
def chat(visitor, idp, clock):
    server = visitor()
    clients = (
        Client("public", secret="s", methods=("client_secret_post",), grants=(BEARER,)),
        Client("other", secret="s", methods=("client_secret_post",), grants=(BEARER,)),
    )
    settings = Settings(AS, clients, ("chat.read", "chat.history"), trusted={IDP: None}, resources=(RESOURCE,))
    server.application = AuthorizationServer(settings, clock)
    server.application.trusted[IDP] = FixedKeys(idp.application.keys.document())
    return server


async def signed_in(idp, client="public"):
    code = await idp.code(client_id=client, scope="openid", login_hint="ann")
    return (await idp.redeem(code, client_id=client)).json["id_token"]


async def exchanged(idp, token, **more):
    form = {
        "grant_type": EXCHANGE,
        "client_id": "public",
        "requested_token_type": ID_JAG,
        "audience": AS,
        "resource": RESOURCE,
        "scope": "chat.read",
        "subject_token": token,
        "subject_token_type": ID_TOKEN,
        **more,
    }
    return await idp.post("/token", **form)


async def redeemed(chat, assertion, client="public", **more):
    form = {"grant_type": BEARER, "client_id": client, "client_secret": "s", "assertion": assertion, **more}
    return await chat.post("/token", **form)


async def test_an_id_token_becomes_an_assertion_and_that_an_access_token(idp, chat):
    answer = (await exchanged(idp, await signed_in(idp))).json
    assert (answer["issued_token_type"], answer["token_type"], answer["scope"]) == (ID_JAG, "N_A", "chat.read")
    assertion = read(answer["access_token"])
    assert assertion.header["typ"] == "oauth-id-jag+jwt"
    assert {name: assertion.claims[name] for name in ("iss", "sub", "aud", "resource", "client_id")} == {
        "iss": IDP,
        "sub": "ann",
        "aud": AS,
        "resource": RESOURCE,
        "client_id": "public",
    }
    tokens = (await redeemed(chat, answer["access_token"])).json
    claims = read(tokens["access_token"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == (AS, f"{IDP} ann", RESOURCE)
    assert (claims["scope"], "refresh_token" in tokens) == ("chat.read", False)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"audience": "https://evil.example"}, "invalid_target"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:access_token"}, "invalid_request"),
        ({"resource": [RESOURCE, "https://b.example"]}, "invalid_request"),
        ({"subject_token": "a.b.c"}, "invalid_grant"),
        ({"client_id": "other"}, "invalid_grant"),
    ],
)
async def test_the_provider_exchanges_only_what_it_gave_to_this_client(idp, more, error):
    answer = await exchanged(idp, await signed_in(idp), **more)
    assert (answer.status, answer.json["error"]) == (400, error)


async def test_an_access_token_is_no_id_token(idp):
    token = (await idp.redeem(await idp.code())).json["access_token"]
    assert (await exchanged(idp, token)).json["error"] == "invalid_grant"


async def test_an_assertion_is_good_once_for_its_client_and_its_server(idp, chat, clock):
    assertion = (await exchanged(idp, await signed_in(idp))).json["access_token"]
    assert (await redeemed(chat, assertion, "other")).json["error"] == "invalid_grant"
    assert (await redeemed(chat, assertion, resource="https://evil.example")).json["error"] == "invalid_target"
    assert (await redeemed(chat, assertion)).status == 200
    assert "used before" in (await redeemed(chat, assertion)).json["error_description"]
    late = (await exchanged(idp, await signed_in(idp))).json["access_token"]
    clock.now += 400
    assert (await redeemed(chat, late)).json["error"] == "invalid_grant"


def claims_of(clock, **claims):
    said = {"iss": IDP, "sub": "ann", "aud": AS, "resource": RESOURCE, "client_id": "public", "jti": "1"}
    return {**said, "iat": int(clock.now), "exp": int(clock.now) + 60, **claims}


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("JWT", {}),
        ("at+jwt", {}),
        ("oauth-id-jag+jwt", {"iss": "https://evil.example"}),
        ("oauth-id-jag+jwt", {"aud": "https://other.example"}),
        ("oauth-id-jag+jwt", {"aud": [AS, "https://other.example"]}),
        ("oauth-id-jag+jwt", {"client_id": ""}),
        ("oauth-id-jag+jwt", {"jti": ""}),
        ("oauth-id-jag+jwt", {"exp": 4_000_000_000}),
    ],
)
async def test_an_assertion_must_be_right_in_every_way(idp, chat, clock, kind, claims):
    assertion = idp.application.keys.sign(kind, claims_of(clock, **claims))
    assert (await redeemed(chat, assertion)).json["error"] == "invalid_grant"


async def test_a_scope_that_the_server_does_not_know_is_not_granted(idp, chat, clock):
    kind = "oauth-id-jag+jwt"
    assertion = idp.application.keys.sign(kind, claims_of(clock, scope="root"))
    assert (await redeemed(chat, assertion)).json["error"] == "invalid_scope"
    narrowed = idp.application.keys.sign(kind, claims_of(clock, scope="chat.read chat.history", jti="2"))
    assert (await redeemed(chat, narrowed, scope="chat.read root")).json["scope"] == "chat.read"
    nothing = idp.application.keys.sign(kind, claims_of(clock, jti="3"))
    assert (await redeemed(chat, nothing)).json["scope"] == ""


async def test_metadata_offers_the_grants_to_those_who_can_use_them(idp, chat):
    path = "/.well-known/oauth-authorization-server"
    assert EXCHANGE in (await idp.get(path)).json["grant_types_supported"]
    assert BEARER in (await chat.get(path)).json["grant_types_supported"]


PLATFORM = "https://platform.example"


@pytest.fixture
def federated(chat, idp):
    client = Client("job", grants=(BEARER,), workloads=((PLATFORM, "ns/default/sa/job"),))
    settings = Settings(AS, (client,), ("chat.read", "chat.history"), platforms={PLATFORM: None})
    chat.application = AuthorizationServer(settings, chat.application.clock)
    chat.application.platforms[PLATFORM] = FixedKeys(idp.application.keys.document())
    return chat


def workload(idp, clock, kind="JWT", **claims):
    said = {"iss": PLATFORM, "sub": "ns/default/sa/job", "aud": [AS], "exp": int(clock.now) + 3600, **claims}
    return idp.application.keys.sign(kind, said)


async def shown(server, assertion, **more):
    form = {"grant_type": BEARER, "client_id": "job", "assertion": assertion, "resource": RESOURCE, **more}
    return await server.post("/token", **form)


async def test_the_token_of_a_platform_proves_a_workload(federated, idp, clock):
    answer = await shown(federated, workload(idp, clock), scope="chat.read")
    claims = read(answer.json["access_token"]).claims
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("job", "job", "chat.read")
    assert BEARER in (await federated.get("/.well-known/openid-configuration")).json["grant_types_supported"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sub": "ns/default/sa/other"},
        {"iss": "https://evil.example"},
        {"aud": "https://other.example"},
        {"aud": [AS, "https://other.example"]},
        {"exp": 1},
        {"kind": "at+jwt"},
        {"kind": "oauth-id-jag+jwt"},
    ],
)
async def test_the_token_of_a_platform_must_be_right_in_every_way(federated, idp, clock, wrong):
    answer = await shown(federated, workload(idp, clock, **wrong))
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


async def test_a_platform_makes_no_assertions_about_users(federated, idp, clock):
    assertion = idp.application.keys.sign("oauth-id-jag+jwt", claims_of(clock, iss=PLATFORM, client_id="job"))
    assert "nobody here trusts" in (await shown(federated, assertion)).json["error_description"]
