"""Whether ids can be guessed from one another."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence

__all__ = ["FEW_BITS", "guessable"]

FEW_BITS = 40
"""An id that varies in fewer bits is found by trying; one that is random has three times as many."""


def guessable(ids: Sequence[str]) -> bool:
    """Whether several ids vary too little, beside what they all begin with."""
    start = len(os.path.commonprefix(list(ids)))  # noqa: RUF071 - characters are what is compared
    return max(_bits(identifier[start:]) for identifier in ids) < FEW_BITS


def _bits(text: str) -> float:
    """Return how much a text of such characters can hold."""
    kinds = ((r"\d*", 10), (r"[\da-f-]*", 16), (r"[\dA-F-]*", 16), (r"[\da-z_-]*", 36))
    alphabet = next((size for pattern, size in kinds if re.fullmatch(pattern, text)), 64)
    return len(text) * math.log2(alphabet)
