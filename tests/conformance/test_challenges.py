"""Legal forms of a challenge, and what is left of illegal ones."""

from __future__ import annotations

import pytest

from conformance.challenges import challenges, for_tokens
from conformance.transcript import HttpHead


def _head(*values: str) -> HttpHead:
    return HttpHead("HTTP/1.1 401", tuple(("www-authenticate", value) for value in values), 401)


@pytest.mark.parametrize(
    ("values", "schemes"),
    [
        ([], []),
        (["Bearer"], ["bearer"]),
        (["BEARER realm=x"], ["bearer"]),
        (['Bearer realm="a, Basic b=c", scope="x"'], ["bearer"]),
        (['Basic realm="x", Bearer error="invalid_token"'], ["basic", "bearer"]),
        (["Negotiate", "Bearer"], ["negotiate", "bearer"]),
        (["Negotiate, Bearer"], ["negotiate", "bearer"]),
        (["Negotiate YII=, Bearer"], ["negotiate", "bearer"]),
        ([""], []),
        ([", ,"], []),
    ],
)
def test_every_challenge_is_found(values: list[str], schemes: list[str]) -> None:
    assert [challenge.scheme for challenge in challenges(_head(*values))] == schemes


@pytest.mark.parametrize(
    "value",
    [
        'Bearer scope="a b", resource_metadata="https://h/p?q=1,2"',
        'Bearer resource_metadata="https://h/p?q=1,2",scope="a b"',
        'bearer SCOPE = "a b" , Resource_Metadata = "https://h/p?q=1,2"',
        'Bearer scope="a b" resource_metadata="https://h/p?q=1,2"',
        'Bearer\tscope="a b",,resource_metadata="https:\\/\\/h/p?q=1,2"',
        'Basic realm="x", Bearer scope="a b", resource_metadata="https://h/p?q=1,2", DPoP algs="ES256"',
    ],
)
def test_parameters_are_read_in_any_form(value: str) -> None:
    challenge = for_tokens(_head(value))
    assert challenge is not None
    assert challenge.parameters == {"scope": "a b", "resource_metadata": "https://h/p?q=1,2"}
    assert challenge.scopes == {"a", "b"}


def test_an_address_without_quotes_is_read_although_it_should_have_them() -> None:
    challenge = for_tokens(_head("Bearer resource_metadata=https://h:1/p/q, error=invalid_token"))
    assert challenge is not None
    assert challenge.parameters == {"resource_metadata": "https://h:1/p/q", "error": "invalid_token"}


def test_a_key_bound_token_is_a_token_too_and_a_password_is_none() -> None:
    assert for_tokens(_head('DPoP algs="ES256"')) is not None
    assert for_tokens(_head('Basic realm="x"')) is None
    assert for_tokens(None) is None
