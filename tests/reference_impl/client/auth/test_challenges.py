"""WWW-Authenticate headers, as servers write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.client.auth.challenges import Challenge, find_challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        (None, []),
        ("", []),
        ("Bearer", [("bearer", {})]),
        ('Bearer realm="a, b", error="invalid_token"', [("bearer", {"realm": "a, b", "error": "invalid_token"})]),
        ('BEARER Scope="a b"', [("bearer", {"scope": "a b"})]),
        ("Bearer error=invalid_token,scope=one", [("bearer", {"error": "invalid_token", "scope": "one"})]),
        (r'Bearer error_description="say \"no\""', [("bearer", {"error_description": 'say "no"'})]),
        ("Basic, Bearer", [("basic", {}), ("bearer", {})]),
        ('Basic realm="x", Bearer scope="a"', [("basic", {"realm": "x"}), ("bearer", {"scope": "a"})]),
        ("Negotiate abc==, Bearer", [("negotiate", {}), ("bearer", {})]),
        ('Bearer , ,scope = "a"  ,', [("bearer", {"scope": "a"})]),
        (
            "Bearer resource_metadata=https://a.example/b?c=d",
            [("bearer", {"resource_metadata": "https://a.example/b?c=d"})],
        ),
        ('Bearer scope="a", scope="b"', [("bearer", {"scope": "a"})]),
        ('"nonsense" = , Bearer', [("bearer", {})]),
        ('Bearer scope="unfinished', [("bearer", {})]),
    ],
)
def test_challenges_are_read_with_their_parameters(header, challenges):
    assert [(found.scheme, dict(found.parameters)) for found in parse_challenges(header)] == challenges


def test_a_challenge_folded_over_lines_is_one_challenge():
    header = 'Bearer error="insufficient_scope",\r\n   scope="a",\r\n   resource_metadata="https://a.example/"'
    challenge = find_challenge(header)
    assert challenge is not None
    assert (challenge.error, challenge.scopes) == ("insufficient_scope", ("a",))
    assert challenge.resource_metadata == "https://a.example/"


def test_a_challenge_for_bound_tokens_counts_before_one_for_others():
    assert find_challenge('Basic, Bearer scope="a", DPoP scope="b"') == Challenge("dpop", {"scope": "b"})
    assert find_challenge('Basic realm="x"') is None


def test_silence_about_scopes_is_not_an_empty_list_of_them():
    assert Challenge("bearer").scopes is None
    assert Challenge("bearer", {"scope": ""}).scopes == ()


def test_a_hostile_header_is_read_in_no_time():
    assert len(parse_challenges("Bearer " + 'a="' * 20000)) <= 1
    assert len(parse_challenges("a," * 30000)) == 30000


WORDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,10}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
CHALLENGES = st.lists(st.tuples(WORDS, st.dictionaries(WORDS.map(str.lower), VALUES, max_size=3)), max_size=4)


def written(scheme: str, parameters: dict[str, str]) -> str:
    quoted = ['{}="{}"'.format(name, re.sub(r'(["\\])', r"\\\1", value)) for name, value in parameters.items()]
    return f"{scheme} {', '.join(quoted)}"


@given(CHALLENGES)
def test_what_is_written_is_read_again(challenges):
    header = ", ".join(written(*challenge) for challenge in challenges)
    found = [(challenge.scheme, dict(challenge.parameters)) for challenge in parse_challenges(header)]
    assert found == [(scheme.lower(), parameters) for scheme, parameters in challenges]


@given(st.text(st.sampled_from('aZ0 =,"\\\t\r\n/~\u00e9'), max_size=60))
def test_no_header_is_too_strange_to_be_read(header):
    assert all(challenge.scheme for challenge in parse_challenges(header))
