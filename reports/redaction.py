"""Secrets, taken out by their value: wherever one shows up and however it is spelt, not where a name looks secret."""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

REDACTED = "[redacted]"

# Shorter values cannot be taken out without shredding the report, and are guessed sooner than they are leaked.
_SHORTEST = 4
# What is left of a secret that was cut off at the end of an excerpt counts from this length on.
_SHORTEST_BEGINNING = 8


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without any of `secrets`, each replaced by `[redacted]`.

    Also taken out: the credential of a `Scheme credential` header value by itself, the secret as JSON,
    percent-encoding or base64 spells it, and its beginning where `text` ends within it. Secrets of fewer than four
    characters are left alone.
    """
    spellings = sorted({spelling for secret in secrets for spelling in _spellings(secret)}, key=len, reverse=True)
    for spelling in spellings:
        text = text.replace(spelling, REDACTED)
    for spelling in spellings:
        text = _without_beginning(text, spelling)
    return text


def _spellings(secret: str) -> Iterable[str]:
    words = secret.split()
    credential = words[1] if len(words) == 2 else secret  # `Authorization: Bearer credential`
    for value in {secret, secret.strip(), credential}:
        if len(value) < _SHORTEST:
            continue
        yield value
        yield json.dumps(value)[1:-1]
        yield json.dumps(value, ensure_ascii=False)[1:-1]
        yield quote(value, safe="", errors="backslashreplace")
        yield base64.b64encode(value.encode("utf-8", "backslashreplace")).decode()


def _without_beginning(text: str, spelling: str) -> str:
    for length in range(min(len(spelling) - 1, len(text)), _SHORTEST_BEGINNING - 1, -1):
        if text.endswith(spelling[:length]):
            return text[:-length] + REDACTED
    return text
