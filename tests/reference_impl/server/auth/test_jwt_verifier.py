"""Access tokens that are JSON Web Tokens: what is taken, and every attack on it."""

import base64
import hashlib
import hmac

import pytest

from reference_impl.protocol.messages import encode_json
from reference_impl.server.auth import FetchedKeys, FixedKeys, InvalidTokenError, JwtRules, JwtVerifier
from reference_impl.server.auth.keys import Freshness

from_bytes = base64.urlsafe_b64encode
pytestmark = pytest.mark.anyio
NOW = 1_800_000_000


async def test_a_good_token_says_who_may_do_what(verifier, issuer):
    access = await verifier.verify(issuer.token())
    assert (access.issuer, access.subject, access.client_id) == ("https://auth.example", "ann", "cli")
    assert access.scopes == {"mcp", "files:read"}
    assert access.expires_at == NOW + 300
    assert (await verifier.verify(issuer.token("rsa"))).subject == "ann"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["https://other.example", "https://mcp.example/mcp"]},
        {"aud": "HTTPS://MCP.EXAMPLE/mcp/"},
        {"scope": None, "scp": ["mcp"]},
        {"scope": None},
        {"client_id": None, "azp": "cli"},
        {"nbf": NOW + 20},
        {"exp": NOW - 20},
    ],
)
async def test_tokens_may_be_written_in_several_ways(verifier, issuer, claims):
    assert (await verifier.verify(issuer.token(**claims))).subject == "ann"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "https://other.example/mcp"}, "another resource"),
        ({"aud": "https://mcp.example/mcp/sub"}, "another resource"),
        ({"aud": "https://mcp.example"}, "another resource"),
        ({"aud": ["https://mcp.example/mcp?x=1", 7]}, "another resource"),
        ({"aud": {"https://mcp.example/mcp": 1}}, "another resource"),
        ({"aud": "http://["}, "another resource"),
        ({"aud": None}, "lacks aud"),
        ({"aud": []}, "lacks aud"),
        ({"iss": "https://evil.example"}, "not trusted"),
        ({"iss": "https://auth.example/"}, "not trusted"),
        ({"iss": None}, "not trusted"),
        ({"iss": ["https://auth.example"]}, "not trusted"),
        ({"sub": None}, "lacks sub"),
        ({"sub": ""}, "lacks sub"),
        ({"exp": None}, "lacks exp"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": "tomorrow"}, "no number"),
        ({"exp": True}, "no number"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"iat": NOW + 31}, "not valid yet"),
        ({"cnf": {"x5t#S256": "x"}}, "bound to its client"),
    ],
)
async def test_claims_that_are_wrong_are_refused(verifier, issuer, claims, why):
    with pytest.raises(InvalidTokenError, match=why):
        await verifier.verify(issuer.token(**claims))


@pytest.mark.parametrize("kind", ["JWT", "oauth-id-jag+jwt", "dpop+jwt", None])
async def test_a_token_of_another_type_is_refused(verifier, issuer, kind):
    with pytest.raises(InvalidTokenError, match="another type"):
        await verifier.verify(issuer.token(header={"typ": kind}))


async def test_a_type_may_be_written_in_full_and_others_be_allowed(verifier, issuer, clock):
    assert await verifier.verify(issuer.token(header={"typ": "application/AT+JWT"}))
    lax = JwtRules(types=frozenset({"at+jwt", "jwt"}), clock=clock)
    keys = {"https://auth.example": FixedKeys(issuer.document)}
    assert await JwtVerifier("https://mcp.example/mcp", keys, lax).verify(issuer.token(header={"typ": "JWT"}))


def compact(header, claims, signature=b""):
    parts = [encode_json(header), encode_json(claims), signature]
    return ".".join(from_bytes(part).rstrip(b"=").decode() for part in parts)


CLAIMS = {"iss": "https://auth.example", "sub": "ann", "aud": "https://mcp.example/mcp", "exp": NOW + 300}


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", None, 7, "HS256", "ES256K", "RS1"])
async def test_no_algorithm_but_those_allowed_is_taken(verifier, name):
    with pytest.raises(InvalidTokenError):
        await verifier.verify(compact({"typ": "at+jwt", "alg": name}, CLAIMS))


@pytest.mark.parametrize("form", ["pem", "jwk", "n"])
async def test_a_public_key_is_no_secret_of_an_hmac(verifier, issuer, form):
    public = issuer.keys["rsa"]
    secret = {
        "pem": public.as_pem(private=False),
        "jwk": encode_json(public.as_dict(private=False)),
        "n": public.as_dict(private=False)["n"].encode(),
    }[form]
    header = {"typ": "at+jwt", "alg": "HS256", "kid": "rsa"}
    unsigned = compact(header, CLAIMS).rpartition(".")[0]
    mac = hmac.digest(secret, unsigned.encode(), hashlib.sha256)
    with pytest.raises(InvalidTokenError, match="not allowed"):
        await verifier.verify(f"{unsigned}.{from_bytes(mac).rstrip(b'=').decode()}")


def test_hmac_cannot_even_be_allowed():
    with pytest.raises(ValueError, match="asymmetric"):
        JwtVerifier("https://mcp.example", [], JwtRules(algorithms=("HS256",)))


async def test_a_symmetric_key_in_a_key_set_is_no_key():
    document = {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "1", "alg": "HS256"}, 7, {"kty": "EC"}]}
    assert await FixedKeys(document).find(None) == []
    assert await FixedKeys({"keys": {}}).find(None) == []


async def test_a_signature_of_another_key_or_over_other_claims_is_refused(verifier, issuer):
    with pytest.raises(InvalidTokenError, match="signature"):
        await verifier.verify(issuer.token("other"))
    head, body, signature = issuer.token().split(".")
    more = compact({}, CLAIMS | {"scope": "admin"}).split(".")[1]
    for forged in (f"{head}.{more}.{signature}", f"{head}.{body}.", f"{head}.{body}.AAAA"):
        with pytest.raises(InvalidTokenError, match="signature"):
            await verifier.verify(forged)


async def test_an_algorithm_that_does_not_fit_the_key_is_refused(verifier, issuer):
    head, body, signature = issuer.token().split(".")
    crossed = compact({"typ": "at+jwt", "alg": "RS256", "kid": "ec"}, {}).split(".")[0]
    with pytest.raises(InvalidTokenError, match="signature"):
        await verifier.verify(f"{crossed}.{body}.{signature}")
    assert head != crossed


async def test_a_key_in_the_token_itself_is_not_believed(verifier, issuer):
    jwk = issuer.keys["other"].as_dict(private=False)
    for header in ({"jwk": jwk, "kid": None}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example"}):
        with pytest.raises(InvalidTokenError, match="signature"):
            await verifier.verify(issuer.token("other", header))


async def test_an_extension_that_nobody_knows_is_refused(verifier, issuer):
    head, body, signature = issuer.token().split(".")
    crit = compact({"typ": "at+jwt", "alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": False}, {}).split(".")[0]
    with pytest.raises(InvalidTokenError):
        await verifier.verify(f"{crit}.{body}.{signature}")
    assert head != crit


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "....", "e30.e30.", "W10.W10.AA", "MQ.MQ.MQ", "\u00e9.e30.e30", "x" * 20_000]
)
async def test_garbage_is_refused(verifier, token):
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)


async def test_a_key_without_id_is_found_by_its_kind(issuer, verifier):
    assert await verifier.verify(issuer.token(header={"kid": None}))
    with pytest.raises(InvalidTokenError):
        await verifier.verify(compact({"typ": "at+jwt", "alg": "ES256", "kid": 7}, CLAIMS))


async def test_a_flood_of_key_ids_causes_no_flood_of_fetches(issuer, origin, clock):
    origin.documents["/jwks"] = issuer.document
    keys = FetchedKeys("https://auth.example", f"{origin.url}/jwks", freshness=Freshness(clock=clock))
    verifier = JwtVerifier("https://mcp.example/mcp", {"https://auth.example": keys}, JwtRules(clock=clock))
    for number in range(50):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(issuer.token("other", {"kid": str(number)}))
    assert len(origin.seen) == 2
    assert await verifier.verify(issuer.token())
    clock.now += 31
    for number in range(50):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(issuer.token("other", {"kid": str(number)}))
    assert len(origin.seen) == 3


async def test_tokens_of_strangers_and_of_no_algorithm_cause_no_fetch(issuer, origin):
    keys = FetchedKeys("https://auth.example", f"{origin.url}/jwks")
    verifier = JwtVerifier("https://mcp.example/mcp", {"https://auth.example": keys})
    for token in (issuer.token(iss="https://evil.example"), compact({"alg": "none", "typ": "at+jwt"}, CLAIMS)):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(token)
    assert origin.seen == []
