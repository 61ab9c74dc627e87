"""Secrets, taken out by their value: wherever one shows up and however it is spelt, not where a name looks secret."""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

REDACTED = "[redacted]"

# Shorter values cannot be taken out without shredding the report, and are guessed sooner than they are leaked.
_SHORTEST = 4
# What is part of a secret counts from this length on, as does what base64 makes of the middle of one.
_SHORTEST_PART = 6
_SHORTEST_STEM = 8
# What is left of a secret that was cut off at the end of an excerpt counts from this length on.
_SHORTEST_BEGINNING = 8
_CUT = "…"
_QUOTED_QUOTE = "'\"'\"'"
"""How a quoted word of a shell holds a quote."""
_PLAIN = re.compile("[A-Za-z0-9._-]")
"""Characters that nobody spells in any other way."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without any of `secrets`, each replaced by `[redacted]`.

    Also taken out: the credential of a `Scheme credential` header value by itself, and the password in it or in a URL;
    the secret as JSON (however deep), a shell, percent-encoding, HTML or base64 spells it, in base64 also where it is a
    part of what was encoded; and its beginning where `text` was cut off within it. Secrets of fewer than four
    characters are left alone.
    """
    patterns, beginnings = _compiled(tuple(secrets))
    for pattern in patterns:
        text = pattern.sub(REDACTED, text)
    return _CUT.join(_without_beginning(part, beginnings) for part in text.split(_CUT)) if beginnings else text


@lru_cache(maxsize=16)
def _compiled(secrets: tuple[str, ...]) -> tuple[list[re.Pattern[str]], list[str]]:
    """Return what finds secrets, the longest first, and the spellings whose beginnings count."""
    values = sorted({value for secret in secrets for value in _values(secret)}, key=len, reverse=True)
    patterns = [re.compile(pattern) for value in values for pattern in (_any_spelling(value), *_in_base64(value))]
    return patterns, sorted({spelling for value in values for spelling in _spellings(value)}, key=len, reverse=True)


def _values(secret: str) -> Iterator[str]:
    words = secret.split()
    credential = words[1] if len(words) == 2 else secret  # `Authorization: Bearer credential`
    yield from (value for value in (secret, secret.strip(), credential) if len(value) >= _SHORTEST)
    parts = [_password_of_url(secret), _password_of_basic(words)]
    yield from (part for part in parts if part is not None and len(part) >= _SHORTEST_PART)


def _password_of_url(secret: str) -> str | None:
    with suppress(ValueError):
        password = urlsplit(secret).password
        return unquote(password) if password is not None else None
    return None


def _password_of_basic(words: list[str]) -> str | None:
    """Return the password of the Basic scheme (RFC 7617, section 2)."""
    if len(words) != 2 or words[0].lower() != "basic":
        return None
    with suppress(binascii.Error, UnicodeDecodeError):
        return base64.b64decode(words[1]).decode().partition(":")[2]
    return None


def _any_spelling(value: str) -> str:
    return "".join(map(_any_spelling_of_one, value))


def _any_spelling_of_one(character: str) -> str:
    """Return a pattern for one character as it is, or as others write it: JSON, a shell, a URL, HTML, we ourselves."""
    if _PLAIN.fullmatch(character):
        return re.escape(character)
    point = ord(character)
    written = json.dumps(character)[1:-1].lstrip("\\") or "\\"
    units = re.findall("u[0-9a-f]{4}", json.dumps(character)) or [f"u{point:04x}"]
    spellings = [
        rf"\\*{re.escape(character)}",
        rf"\\+{re.escape(written)}" if written != character else "",
        "".join(rf"\\+(?i:{unit})" for unit in units),
        rf"\\+(?i:x{point:02x})" if point <= 0xFF else rf"\\+(?i:U{point:08x})",
        f"(?i:{''.join(f'%{byte:02x}' for byte in character.encode('utf-8', 'backslashreplace'))})",
        rf"&#0*{point};|(?i:&#x0*{point:x};)",
        re.escape(html.escape(character)) if html.escape(character) != character else "",
        r"\+" if character == " " else "",
        re.escape(_QUOTED_QUOTE) if character == "'" else "",
    ]
    return f"(?:{'|'.join(sorted(filter(None, spellings), key=len, reverse=True))})"


def _in_base64(value: str) -> Iterator[str]:
    """Yield patterns for the value in base64: by itself, and behind one, two or three more bytes."""
    data = value.encode("utf-8", "backslashreplace")
    whole = base64.b64encode(data).decode()
    yield _any_alphabet(whole.rstrip("=")) + r"(?:=|%3[Dd]|\\+u003[Dd]){0,2}"
    for before in range(3):
        # Of the first and last letters some bits are those of neighbours.
        encoded = base64.b64encode(b"\0" * before + data).decode()
        stem = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(stem) >= _SHORTEST_STEM:
            yield _any_alphabet(stem)


def _any_alphabet(encoded: str) -> str:
    """Return a pattern for base64 in its usual alphabet or in that for URLs (RFC 4648, section 5)."""
    either = {"+": f"(?:-|{_any_spelling_of_one('+')})", "/": f"(?:_|{_any_spelling_of_one('/')})"}
    return "".join(either.get(letter, letter) for letter in encoded)


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="", errors="backslashreplace")
    yield base64.b64encode(value.encode("utf-8", "backslashreplace")).decode()


def _without_beginning(text: str, spellings: list[str]) -> str:
    for spelling in spellings:
        for length in range(min(len(spelling) - 1, len(text)), _SHORTEST_BEGINNING - 1, -1):
            if text.endswith(spelling[:length]):
                return text[:-length] + REDACTED
    return text
