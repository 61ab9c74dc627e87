"""Texts of a document on their way to a model: without what people cannot see, and no longer than they need be."""

from __future__ import annotations

import unicodedata

__all__ = ["cleaned", "shortened"]

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (zero width, direction, tags), surrogate, private and unassigned: they can hide orders to a model
from whoever reads the document."""


def cleaned(text: object, longest: int = 1024) -> str:
    """Return a text without invisible characters, cut to a length. What is no text is none."""
    if not isinstance(text, str):
        return ""
    if not text.isprintable():  # the usual text is, and need not be looked at letter by letter
        text = "".join(
            character for character in text if character in "\n\t" or unicodedata.category(character) not in _UNSEEN
        )
    return shortened(text.strip(), longest)


def shortened(text: str, longest: int) -> str:
    """Return a text, or its beginning and what is missing."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text) - longest} characters more)"
