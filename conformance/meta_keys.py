"""The grammar of `_meta` keys and of what borrows it (`basic/index#meta`)."""

from __future__ import annotations

import re

__all__ = ["key_flaw", "prefix_flaw"]

_LABEL = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")

_ENDS = frozenset({"com", "org", "net"})
"""Top-level domains that nobody's own name is likely to be."""
_ESTABLISHED = frozenset({"openai", "anthropic", "ui"})
"""Prefixes without a domain that hosts and extensions look for, so that a server's author has no choice."""


def key_flaw(key: str, *, prefixed: bool = False) -> str | None:
    """Say what is wrong with a key, or return None. With `prefixed` it needs a prefix, as extensions do."""
    prefix, slash, name = key.rpartition("/")
    if prefixed and not slash:
        return f"{key!r} has no prefix"
    if slash and not all(_LABEL.fullmatch(label) for label in prefix.split(".")):
        return f"the prefix of {key!r} is not labels of letters, digits and hyphens, separated by dots"
    if name and not _NAME.fullmatch(name):
        return f"the name in {key!r} does not begin and end with a letter or digit, or holds other characters"
    return None


def prefix_flaw(key: str) -> str | None:
    """Say why the prefix of a well-formed key is surely no domain written from its end, or return None."""
    prefix, slash, _ = key.rpartition("/")
    labels = prefix.lower().split(".")
    if not slash or prefix.lower() in _ESTABLISHED:
        return None
    if len(labels) == 1:
        return f"the prefix of {key!r} is a single word"
    forwards = labels[-1] in _ENDS and labels[0] not in _ENDS and len(labels[0]) > len("org")
    return f"the prefix of {key!r} is a domain written forwards" if forwards else None
