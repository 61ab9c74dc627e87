"""What a log may hold."""

import base64
import json
import math
from html import escape
from urllib.parse import quote, urlencode

import pytest

from reference_impl.security.redaction import REDACTED, Redactor, secrets_of_environment

SECRET = 'p@ss "word"/+1'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        json.dumps({"a": SECRET}),
        "https://host/?q=p%40ss%20%22word%22%2F%2B1",
        f"basic {base64.b64encode(SECRET.encode()).decode()}",
        json.dumps({"a": json.dumps({"b": SECRET})}),
        json.dumps({"a": json.dumps({"b": SECRET}, ensure_ascii=False)}, ensure_ascii=False),
        quote(SECRET),
        urlencode({"q": SECRET}),
        "p%40ss%20%22word%22%2f%2b1",
        f"<p>{escape(SECRET)}</p>",
    ],
)
def test_a_secret_is_found_however_it_is_spelt(text):
    cleaned = Redactor([SECRET]).clean({"note": [f"before {text} after"]})
    assert REDACTED in cleaned["note"][0]
    assert "word" not in cleaned["note"][0]


@pytest.mark.parametrize("before", ["", "u", "me", "me:", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_found_in_the_middle_of_base64(before, encode):
    for secret in ("a-key-of-19-letters", SECRET, "ÿÿÿÿÿÿ"):
        text = encode(f"{before}{secret}@host".encode()).decode()
        left = Redactor([secret]).text(f"Basic {text}")
        assert REDACTED in left
        assert len(left.replace(REDACTED, "")) <= len("Basic ") + 4 * len(before + "@host") // 3 + 6


def test_the_credential_of_a_header_is_a_secret_by_itself():
    assert Redactor(["Bearer abcdefgh"]).text("Token abcdefgh") == f"Token {REDACTED}"


def test_secrets_in_names_are_taken_out_too_and_short_ones_left():
    assert Redactor(["long-lived", "a"]).clean({"long-lived": "a"}) == {REDACTED: "a"}


def test_members_whose_name_tells_lose_their_value():
    hidden = [
        "password",
        "API_KEY",
        "Authorization",
        "accessToken",
        "private-key",
        "Pass_Word",
        "db.credentials",
        "pwd",
    ]
    shown = {"maxTokens": 5, "key": "k", "tokens_used": 7, "keyboard": "de"}
    assert Redactor().clean(dict.fromkeys(hidden, "x1") | shown) == dict.fromkeys(hidden, REDACTED) | shown


def test_everything_is_bounded_and_can_be_written_as_json():
    deep = []
    for _ in range(100):
        deep = [deep]
    given = {"text": "x" * 5000, "list": list(range(500)), "deep": deep, "nan": math.nan, "big": 10**5000, 1: {2}}
    given |= {"object": object(), "bytes": b"x", "lone": "\ud800", "wide": {str(n): n for n in range(200)}}
    cleaned = Redactor().clean(given)
    assert len(json.dumps(cleaned)) < 8000
    assert cleaned["list"][-1] == "[400 more]"
    assert (cleaned["nan"], cleaned["big"], cleaned["object"]) == (
        "[float out of range]",
        "[int out of range]",
        "[object]",
    )


def test_long_texts_that_differ_stay_apart():
    one, other = (Redactor().clean("x" * 3000 + end) for end in "ab")
    assert one != other


def test_variables_that_hold_secrets_are_known_by_their_names():
    environment = {"MY_TOKEN": "12345678", "DB_PASSWORD": "short", "HOME": "/home/somebody", "MONKEY": "long enough"}
    environment["DATABASE_URL"] = "postgresql://me:p%40ss@host/db"
    environment["PGPASSWORD"] = "abcdefgh"
    assert secrets_of_environment(environment) == ["12345678", "p%40ss", "p@ss", "abcdefgh"]
