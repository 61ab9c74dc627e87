"""Values made fit for a log: secrets taken out by their value, and everything bounded.

What is known to be a secret is found wherever it shows up and however it is spelt. Members whose name tells
(`password`, `token`, ...) lose their value as well: whoever made the log may not know every secret that passes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from html import escape
from itertools import islice
from typing import Any
from urllib.parse import quote, quote_plus, unquote

__all__ = ["REDACTED", "Redactor", "secrets_of_environment"]

REDACTED = "[redacted]"
_SHORTEST = 4
"""Characters of the shortest value that is taken out: a shorter one would shred the log."""
_SHORTEST_INNER = 8
"""Characters of the shortest piece of Base64 that is taken out: shorter ones stand in many a text by chance."""
_SHORTEST_VARIABLE = 8
_TELLING = (
    *("password", "passwd", "passphrase", "pwd", "secret", "secretkey", "token", "cookie", "authorization"),
    *("apikey", "accesskey", "privatekey", "credential", "credentials"),
)
"""How names of members end that lose their value, in small letters and without the marks between words."""
_TELLING_WORDS = frozenset(
    (
        "PASSWORD",
        "PGPASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "KEY",
        "APIKEY",
        "CREDENTIAL",
        "CREDENTIALS",
        "AUTHORIZATION",
    )
)
_LONGEST = 2000
_MOST_ITEMS = 100
_DEEPEST = 8
_LARGEST = 2**63
"""Numbers from here on, and those that JSON has no word for, are named and not written."""


def secrets_of_environment(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the values of variables whose names say that they hold secrets, and passwords within URLs."""
    found = []
    for name, value in environment.items():
        if len(value) >= _SHORTEST_VARIABLE and not _TELLING_WORDS.isdisjoint(name.upper().split("_")):
            found.append(value)
        password = re.search(r"://[^/?#@:]*:([^/?#@]+)@", value)
        if password:
            found += [password[1], unquote(password[1])]
    return found


class Redactor:
    """Takes `secrets` out of values. Strings are cut after 2000 characters, lists and objects after 100 members, and
    what lies deeper than eight levels is left out."""

    __slots__ = ("_spellings",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._spellings: list[str] = []
        self.keep(secrets)

    def keep(self, secrets: Iterable[str]) -> None:
        """Take these out too, from now on."""
        found = {spelling for secret in secrets for spelling in _spellings(secret)}
        self._spellings = sorted(found.union(self._spellings), key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text without secrets, in full length."""
        for spelling in self._spellings:
            text = text.replace(spelling, REDACTED)
        return text

    def values(self, value: Any) -> Any:
        """Return a JSON value with no secret in any of its texts or names, and nothing else changed."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(name)): self.values(member) for name, member in value.items()}
            case list() | tuple():
                return [self.values(item) for item in value]
        return value

    def clean(self, value: Any) -> Any:
        """Return a JSON value that a log may hold in place of any value."""
        return self._clean(value, 0)

    def _clean(self, value: Any, depth: int) -> Any:
        match value:
            case None | bool():
                return value
            case int() | float():
                return value if -_LARGEST < value < _LARGEST else f"[{type(value).__name__} out of range]"
            case str():
                return self._text(value)
            case Mapping() | list() | tuple() | set() | frozenset() if depth < _DEEPEST:
                return self._members(value, depth) if isinstance(value, Mapping) else self._items(value, depth)
        return f"[{type(value).__name__}]"

    def _items(self, value: Collection[Any], depth: int) -> list[Any]:
        cleaned = [self._clean(item, depth + 1) for item in islice(value, _MOST_ITEMS)]
        return [*cleaned, f"[{len(value) - _MOST_ITEMS} more]"] if len(value) > _MOST_ITEMS else cleaned

    def _members(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for name in islice(value, _MOST_ITEMS):
            hides = re.sub("[-_. ]", "", str(name).lower()).endswith(_TELLING)
            cleaned[self._text(str(name))] = REDACTED if hides else self._clean(value[name], depth + 1)
        if len(value) > _MOST_ITEMS:
            cleaned["[more]"] = len(value) - _MOST_ITEMS
        return cleaned

    def _text(self, text: str) -> str:
        """Return it without secrets and cut; the digest of what is gone keeps two long texts apart."""
        text = self.text(text).encode("utf-8", "backslashreplace").decode()
        if len(text) <= _LONGEST:
            return text
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"{text[:_LONGEST]}... [{len(text)} characters, sha256 {digest}]"


def _spellings(secret: str) -> Iterable[str]:
    words = secret.split()
    credential = words[1] if len(words) == 2 else secret  # `Authorization: Bearer credential`
    for value in {secret, secret.strip(), credential}:
        if len(value) < _SHORTEST:
            continue
        yield value
        for ascii_only in (True, False):
            quoted = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
            yield from (quoted, json.dumps(quoted, ensure_ascii=ascii_only)[1:-1])  # the latter in JSON within JSON
        for safe in ("", "/"):
            for encode in (quote, quote_plus):
                encoded = encode(value, safe=safe, errors="backslashreplace")
                yield from (encoded, re.sub("%..", lambda found: found[0].lower(), encoded))
        yield escape(value)
        yield from _base64_spellings(value.encode("utf-8", "backslashreplace"))


def _base64_spellings(value: bytes) -> Iterable[str]:
    """Yield the characters that stand for a value in Base64, alone or in the middle of something: three sets of them,
    by where it begins, without those that its neighbours change."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(value).decode().rstrip("=")
        for before in range(3):
            first, behind = -(-before * 8 // 6), (before + len(value)) * 8 // 6
            inner = encode(bytes(before) + value + bytes(2)).decode()[first:behind]
            if len(inner) >= _SHORTEST_INNER:
                yield inner
