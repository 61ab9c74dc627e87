"""Secrets are found by their value, however they are spelt."""

import base64
import json
from urllib.parse import quote

import pytest

from reports.redaction import REDACTED, redact

SECRET = 's3cr/et "é"+key'


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_taken_out_in_every_spelling(spelling: str) -> None:
    assert redact(f"a {spelling} b {spelling}", [SECRET]) == f"a {REDACTED} b {REDACTED}"


def test_the_credential_of_a_header_is_taken_out_by_itself() -> None:
    assert redact("got token abcdef, not Bearer abcdef", ["Bearer abcdef"]) == f"got token {REDACTED}, not {REDACTED}"


def test_the_last_word_of_a_passphrase_is_no_credential() -> None:
    assert redact("a staple", ["correct horse battery staple"]) == "a staple"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert redact("token-long", ["token", "token-long"]) == REDACTED


def test_a_secret_that_was_cut_off_is_taken_out_as_far_as_it_goes() -> None:
    secret = "sk-0123456789abcdef"
    assert redact(f"key {secret[:12]}", [secret]) == f"key {REDACTED}"
    assert redact("key sk-0", [secret]) == "key sk-0"


def test_texts_without_secrets_stay_as_they_are() -> None:
    assert redact("an ordinary text", ["", "an", "secret"]) == "an ordinary text"
