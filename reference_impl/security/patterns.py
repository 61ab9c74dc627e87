"""Patterns for operations and resources: `*` stands for any run of characters, `?` for one, all else for itself."""

from __future__ import annotations

__all__ = ["covers", "exactly"]


def covers(pattern: str, text: str) -> bool:
    """Tell whether a pattern fits all of a text. Takes no longer than their lengths multiplied, whatever they are.

    A backslash before `*`, `?` or another backslash takes its meaning away.
    """
    tokens = _tokens(pattern)
    at = token = 0
    star, kept = -1, 0
    while at < len(text):
        if token < len(tokens) and tokens[token] == "*":
            star, kept = token, at
            token += 1
        elif token < len(tokens) and tokens[token] in ("?", f"={text[at]}"):
            at, token = at + 1, token + 1
        elif star >= 0:  # let the last star take one more
            kept += 1
            at, token = kept, star + 1
        else:
            return False
    return all(rest == "*" for rest in tokens[token:])


def exactly(text: str) -> str:
    """Return the pattern that fits this text alone."""
    return "".join(f"\\{character}" if character in "*?\\" else character for character in text)


def _tokens(pattern: str) -> list[str]:
    tokens: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character in "*?":
            if tokens[-1:] != ["*"] or character == "?":
                tokens.append(character)
        elif character == "\\":
            tokens.append("=" + next(characters, "\\"))
        else:
            tokens.append("=" + character)
    return tokens
