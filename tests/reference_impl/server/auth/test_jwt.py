"""JSON Web Tokens, whoever reads them."""

import base64

import pytest

from reference_impl.protocol.messages import encode_json
from reference_impl.server.auth import InvalidTokenError
from reference_impl.server.auth.jwt import read_key, sign, verify


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("name", ["none", "HS256", "ES256K", "RS256", "", None, 7])
@pytest.mark.parametrize("allowed", [("ES256",), ("none", "HS256", "ES256K", "ES256")])
def test_no_algorithm_but_those_allowed_and_safe_is_taken(issuer, name, allowed):
    head = encoded(encode_json({"alg": name}))
    for signature in ("", "AAAA"):
        with pytest.raises(InvalidTokenError):
            verify(f"{head}.e30.{signature}", list(issuer.keys.values()), allowed)


def test_what_is_said_to_be_critical_is_never_known(issuer):
    token = sign({"alg": "ES256", "kid": "ec", "crit": ["kid"]}, {}, issuer.keys["ec"])
    with pytest.raises(InvalidTokenError, match="extension"):
        verify(token, [issuer.keys["ec"]], ("ES256",))


@pytest.mark.parametrize("bits", [1024, 8192])
def test_a_key_that_is_too_weak_or_costs_too_much_is_none(bits):
    modulus = encoded(((1 << bits) - 1).to_bytes(bits // 8, "big"))
    assert read_key({"kty": "RSA", "n": modulus, "e": "AQAB"}) is None


def test_a_private_key_is_read_as_a_public_one(issuer):
    key = read_key(issuer.keys["ec"].as_dict(private=True))
    assert not key.is_private


def test_a_key_for_encryption_or_another_algorithm_verifies_nothing(issuer):
    token = sign({"alg": "ES256"}, {"a": 1}, issuer.keys["ec"])
    public = issuer.keys["ec"].as_dict(private=False)
    assert verify(token, [read_key(public | {"use": "sig", "alg": "ES256"})], ("ES256",)).claims == {"a": 1}
    for more in ({"use": "enc"}, {"alg": "ES384"}):
        with pytest.raises(InvalidTokenError):
            verify(token, [read_key(public | more)], ("ES256",))
