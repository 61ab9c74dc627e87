"""Secrets are found by their value, however they are spelt."""

import base64
import json
import shlex
from urllib.parse import quote

import pytest

from reports.redaction import REDACTED, redact
from reports.text import visible

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


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_a_secret_within_what_was_encoded_is_taken_out_wherever_it_begins(before: str, after: str) -> None:
    secret = "sesame-open+?/"
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    for spelt in (encoded, encoded.rstrip("="), encoded.replace("+", "-").replace("/", "_"), quote(encoded, safe="")):
        left = redact(f"a {spelt} b", [secret]).replace(REDACTED, "")
        assert len(left) <= len(f"a {quote(before)} b") + len("=%3D%3D") + 2 * len(before + after)


@pytest.mark.parametrize(
    ("given", "password"),
    [
        ("postgres://ann:hunter%402@db/x", "hunter@2"),
        ("Basic " + base64.b64encode(b"ann:hunter@2").decode(), "hunter@2"),
    ],
)
def test_the_password_in_a_url_and_in_basic_credentials_is_a_secret_too(given: str, password: str) -> None:
    assert redact(f"no {password}, no {quote(password)}!", [given]) == f"no {REDACTED}, no {REDACTED}!"


def test_a_secret_that_was_cut_off_before_an_ellipsis_is_taken_out_as_well() -> None:
    assert redact("expected sk-0123456789…; got 7", ["sk-0123456789abcdef"]) == f"expected {REDACTED}…; got 7"


@pytest.mark.parametrize("value", ["\\", "a\nb c", "\U0001d11e", "\u202e", "'"])
def test_a_secret_of_odd_characters_is_taken_out_as_we_write_it_out_ourselves(value: str) -> None:
    secret = f"begin{value}end"
    assert redact(visible(secret), [secret]) == REDACTED
    assert redact(shlex.join([secret]).strip("'"), [secret]) == REDACTED
    assert redact(json.dumps(json.dumps(secret)).strip('"\\'), [secret]) == REDACTED
