"""Where expected and actual part, and where the actual stands on the wire: texts cut into plain and marked pieces.

`expected` is mostly a sentence and `actual` mostly what came, so that they are compared by the kinds of thing that
both name (statuses, codes, revisions), and word by word only where they are alike.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import groupby

__all__ = ["Piece", "apart", "fragments", "marked"]

Piece = tuple[str, bool]
"""A stretch of text, and whether it is marked."""

_KINDS = (
    re.compile(r"(?<![\w.])-3\d{4}\b"),
    re.compile(r"\bHTTP \d{3}\b"),
    re.compile(r"\b20\d\d-\d\d-\d\d\b"),
    re.compile(r"\b(?:application|text)/[\w.+-]+"),
    re.compile(r"\b(?:true|false|null)\b"),
)
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_ALIKE = 0.6
_COMPARED = 2000
_LEAST = 3
_WHOLE = 160


def apart(expected: str, actual: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Return both texts, with what differs between them marked; nothing is marked where they cannot be compared."""
    wanted, came = _by_kind(expected, actual)
    if not wanted and len(expected) + len(actual) < _COMPARED:
        return _by_word(expected, actual)
    return marked(expected, wanted), marked(actual, came)


def fragments(expected: str, actual: str) -> tuple[str, ...]:
    """Return what of `actual` is to be looked for on the wire: what differs, or all of it where it is short."""
    different = _by_kind(expected, actual)[1]
    if different:
        return tuple(sorted(different))
    text = actual.strip()
    return (text,) if _LEAST <= len(text) <= _WHOLE else ()


def marked(text: str, wanted: Iterable[str]) -> tuple[Piece, ...]:
    """Return `text` in pieces, with every occurrence of one of `wanted` marked; a status is found in a status line."""
    patterns = [re.escape(each).replace(r"HTTP\ ", r"HTTP(?:/[\d.]+)? ") for each in wanted if len(each) >= _LEAST]
    if not patterns:
        return ((text, False),) if text else ()
    found = re.split(f"({'|'.join(sorted(patterns, key=len, reverse=True))})", text)
    return tuple((piece, index % 2 == 1) for index, piece in enumerate(found) if piece)


def _by_kind(expected: str, actual: str) -> tuple[set[str], set[str]]:
    """Return what only the one and only the other names, of the kinds of which both name something."""
    wanted: set[str] = set()
    came: set[str] = set()
    for kind in _KINDS:
        ours, theirs = set(kind.findall(expected)), set(kind.findall(actual))
        if ours and theirs and not ours & theirs:
            wanted |= ours
            came |= theirs
    return wanted, came


def _by_word(expected: str, actual: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    ours, theirs = _WORD.findall(expected), _WORD.findall(actual)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    if not ours or not theirs or matcher.ratio() < _ALIKE:
        return marked(expected, ()), marked(actual, ())
    left, right = [(word, True) for word in ours], [(word, True) for word in theirs]
    for block in matcher.get_matching_blocks():
        left[block.a : block.a + block.size] = [(word, False) for word in ours[block.a : block.a + block.size]]
        right[block.b : block.b + block.size] = [(word, False) for word in theirs[block.b : block.b + block.size]]
    return _joined(left), _joined(right)


def _joined(words: list[Piece]) -> tuple[Piece, ...]:
    return tuple(
        ("".join(word for word, _ in together), marks) for marks, together in groupby(words, key=lambda word: word[1])
    )
