"""The token endpoint: codes, refresh tokens, client credentials, proofs."""

import base64

import pytest
from joserfc.jwk import ECKey

from reference_impl.server.auth.jwt import read, sign
from reference_impl.servers.authorization import Client, Features

pytestmark = pytest.mark.anyio
ISSUER = "http://127.0.0.1:9000"
RESOURCE = "https://mcp.example/mcp"


def basic(pair):
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


async def test_a_code_brings_tokens_for_the_resource(server, clock):
    answer = await server.redeem(await server.code(scope="mcp files:read"))
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    tokens = answer.json
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 300, "mcp files:read")
    jwt = read(tokens["access_token"])
    assert jwt.header["typ"] == "at+jwt"
    assert {name: jwt.claims[name] for name in ("iss", "sub", "aud", "client_id", "scope")} == {
        "iss": ISSUER,
        "sub": "demo",
        "aud": RESOURCE,
        "client_id": "public",
        "scope": "mcp files:read",
    }
    assert jwt.claims["exp"] == clock.now + 300
    assert "id_token" not in tokens


async def test_a_hint_names_the_user_and_openid_brings_an_id_token(server):
    code = await server.code(login_hint="ann", scope="openid mcp", nonce="n1")
    claims = read((await server.redeem(code)).json["id_token"]).claims
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("ann", "public", "n1")


@pytest.mark.parametrize(
    "form",
    [
        {"code": "made up"},
        {"code_verifier": "w" * 43},
        {"redirect_uri": "https://client.example/other"},
        {"client_id": "other"},
    ],
)
async def test_a_code_needs_its_client_its_verifier_and_its_redirect_uri(visitor, form):
    redirects = ("https://client.example/callback",)
    server = visitor([Client("public", redirects), Client("other", redirects)])
    answer = await server.redeem(await server.code(), **form)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("name", ["code", "code_verifier", "grant_type", "client_id"])
async def test_what_is_missing_is_told(server, name):
    answer = await server.redeem(await server.code(), **{name: None})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_a_code_that_comes_twice_ends_what_it_brought(server):
    code = await server.code()
    tokens = (await server.redeem(code)).json
    assert (await server.redeem(code)).json["error"] == "invalid_grant"
    assert (await server.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
    assert server.application.tokens.look_into(tokens["access_token"]) is None


async def test_a_code_is_good_for_a_minute(server, clock):
    code = await server.code()
    clock.now += 61
    assert (await server.redeem(code)).json["error"] == "invalid_grant"


async def test_a_token_request_names_only_resources_that_were_granted(server):
    both = [RESOURCE, "https://other.example"]
    answer = await server.redeem(await server.code(resource=both), resource=RESOURCE)
    assert read(answer.json["access_token"]).claims["aud"] == RESOURCE
    answer = await server.redeem(await server.code(resource=both), resource=None)
    assert read(answer.json["access_token"]).claims["aud"] == both
    refused = await server.redeem(await server.code(), resource="https://evil.example")
    assert refused.json["error"] == "invalid_target"


async def test_a_refresh_token_is_good_once_and_then_ends_its_family(server):
    first = (await server.redeem(await server.code())).json
    second = (await server.refresh(first["refresh_token"], scope="mcp")).json
    assert second["scope"] == "mcp"
    assert second["refresh_token"] != first["refresh_token"]
    third = (await server.refresh(second["refresh_token"])).json
    assert third["scope"] == first["scope"]
    assert (await server.refresh(first["refresh_token"])).json["error"] == "invalid_grant"
    assert (await server.refresh(third["refresh_token"])).json["error"] == "invalid_grant"
    assert server.application.tokens.look_into(second["access_token"]) is None


async def test_a_refresh_widens_nothing_and_serves_nobody_else(visitor):
    redirects = ("https://client.example/callback",)
    server = visitor([Client("public", redirects), Client("other", redirects)])
    token = (await server.redeem(await server.code(scope="mcp"))).json["refresh_token"]
    assert (await server.refresh(token, scope="mcp files:write")).json["error"] == "invalid_scope"
    assert (await server.refresh(token, resource="https://evil.example")).json["error"] == "invalid_target"
    assert (await server.refresh(token, client_id="other")).json["error"] == "invalid_grant"
    assert (await server.refresh(token)).status == 200


async def test_a_refresh_token_ends(server, clock):
    token = (await server.redeem(await server.code())).json["refresh_token"]
    clock.now += 24 * 3600 + 1
    assert (await server.refresh(token)).json["error"] == "invalid_grant"


async def test_a_client_without_the_grant_gets_no_refresh_token(visitor):
    server = visitor([Client("public", ("https://client.example/callback",), grants=("authorization_code",))])
    tokens = (await server.redeem(await server.code())).json
    assert "refresh_token" not in tokens
    assert (await server.refresh("x")).json["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        (basic("secret:s3cret%3A%25"), {}),
        (basic("secret:s3cret%3A%25"), {"client_id": "secret"}),
        ({}, {"client_id": "secret", "client_secret": "s3cret:%"}),
    ],
)
async def test_a_client_acts_on_its_own_behalf_with_its_secret(server, headers, form):
    answer = await server.post(
        "/token", headers, grant_type="client_credentials", resource=RESOURCE, scope="mcp", **form
    )
    claims = read(answer.json["access_token"]).claims
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("secret", "secret", RESOURCE)
    assert "refresh_token" not in answer.json


@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        (basic("secret:wrong"), {}, 401),
        (basic("unknown:s3cret"), {}, 401),
        (basic("secret"), {}, 401),
        ({"authorization": "Bearer x"}, {}, 401),
        ({"authorization": "Basic \u00e9"}, {}, 401),
        (basic("secret:s3cret%3A%25"), {"client_id": "public"}, 401),
        ({}, {"client_id": "secret", "client_secret": "wrong"}, 401),
        ({}, {"client_id": "secret"}, 401),
        ({}, {"client_id": "public", "client_secret": "x"}, 401),
        (basic("secret:s3cret%3A%25"), {"client_id": "secret", "client_secret": "s3cret:%"}, 400),
        ({}, {"client_id": "public"}, 400),
        ({}, {}, 400),
    ],
)
async def test_nobody_else_does(server, headers, form, status):
    answer = await server.post("/token", headers, grant_type="client_credentials", **form)
    assert answer.status == status
    assert "access_token" not in answer.json
    assert b"s3cret" not in answer.body


async def test_a_client_with_a_secret_never_goes_without(visitor):
    methods = ("none", "client_secret_basic")
    server = visitor([Client("both", secret="s", methods=methods, grants=("client_credentials",))])
    assert (await server.post("/token", grant_type="client_credentials", client_id="both")).status == 401


async def test_an_unknown_grant_and_a_repeated_parameter_are_refused(server):
    assert (await server.post("/token", grant_type="password")).json["error"] == "unsupported_grant_type"
    twice = await server.post("/token", grant_type=["client_credentials", "client_credentials"])
    assert twice.json["error"] == "invalid_request"


KEY = ECKey.generate_key("P-256", {"kid": "k1"})


def assertion(clock, key=KEY, kind="JWT", **claims):
    said = {"iss": "machine", "sub": "machine", "aud": ISSUER, "exp": clock.now + 60, "jti": "1", **claims}
    return sign({"typ": kind, "alg": "ES256", "kid": "k1"}, {k: v for k, v in said.items() if v is not None}, key)


@pytest.fixture
def machines(visitor):
    keys = {"keys": [KEY.as_dict(private=False)]}
    return visitor([Client("machine", methods=("private_key_jwt",), grants=("client_credentials",), keys=keys)])


async def asserted(server, text, **more):
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"client_assertion_type": kind, "client_assertion": text, **more}
    return await server.post("/token", grant_type="client_credentials", scope="mcp", resource=RESOURCE, **form)


async def test_a_client_proves_itself_with_its_key_once(machines, clock):
    text = assertion(clock)
    answer = await asserted(machines, text)
    assert read(answer.json["access_token"]).claims["sub"] == "machine"
    assert "used before" in (await asserted(machines, text)).json["error_description"]
    assert (await asserted(machines, assertion(clock, aud=[f"{ISSUER}/token"], jti="2"))).status == 200
    kind = "client-authentication+jwt"
    assert (await asserted(machines, assertion(clock, kind=kind, jti="3"), client_id="machine")).status == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": None},
        {"iss": "public"},
        {"sub": "unknown"},
        {"exp": 1},
        {"exp": 1_800_001_000},
        {"exp": None},
        {"jti": None},
        {"nbf": 1_800_000_100},
        {"key": ECKey.generate_key("P-256")},
        {"kind": "at+jwt"},
    ],
)
async def test_an_assertion_must_be_right_in_every_way(machines, clock, claims):
    answer = await asserted(machines, assertion(clock, **claims))
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


async def test_an_assertion_of_another_kind_or_about_another_client_is_refused(machines, clock):
    wrong = await asserted(machines, assertion(clock), client_assertion_type="urn:x")
    assert wrong.json["error"] == "invalid_request"
    assert (await asserted(machines, assertion(clock), client_id="other")).status == 401
    assert (await asserted(machines, "a.b.c")).status == 401
    secret = await asserted(machines, assertion(clock), client_secret="x")
    assert secret.json["error"] == "invalid_request"


def proof(clock, **claims):
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}
    said = {"jti": str(claims), "htm": "POST", "htu": f"{ISSUER}/token", "iat": int(clock.now), **claims}
    return {"dpop": sign(head, said, KEY)}


async def test_a_proof_binds_tokens_to_its_key(server, clock):
    answer = await server.redeem(await server.code(), proof(clock, jti="1"))
    tokens = answer.json
    assert tokens["token_type"] == "DPoP"
    assert read(tokens["access_token"]).claims["cnf"] == {"jkt": KEY.thumbprint()}
    assert (await server.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "public"}
    assert (await server.post("/token", proof(clock, jti="2"), **form)).json["token_type"] == "DPoP"
    wrong = await server.redeem(await server.code(), proof(clock, htm="GET"))
    assert wrong.json["error"] == "invalid_dpop_proof"


async def test_a_code_bound_to_a_key_needs_its_proof(server, clock):
    code = await server.code(dpop_jkt=KEY.thumbprint())
    assert (await server.redeem(code)).json["error"] == "invalid_grant"
    code = await server.code(dpop_jkt=KEY.thumbprint())
    assert (await server.redeem(code, proof(clock))).status == 200


async def test_nonces_are_asked_for_where_they_are_switched_on(visitor, clock):
    server = visitor(features=Features(dpop_nonces=True))
    code = await server.code()
    asked = await server.redeem(code, proof(clock))
    assert (asked.status, asked.json["error"]) == (400, "use_dpop_nonce")
    answer = await server.redeem(code, proof(clock, nonce=asked.headers["dpop-nonce"]))
    assert (answer.status, "dpop-nonce" in answer.headers) == (200, True)
