"""The form of URIs (RFC 3986), as far as it can be told without knowing their scheme."""

from __future__ import annotations

import re

__all__ = ["is_uri", "scheme"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
"""A scheme, and then nothing but the characters of RFC 3986, section 2."""


def is_uri(text: str) -> bool:
    """Whether a text has a scheme and holds only characters that a URI may hold."""
    return _URI.fullmatch(text) is not None


def scheme(text: str) -> str:
    """Return the scheme of a URI in lower case, or nothing."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else ""
