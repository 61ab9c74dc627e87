"""The grammar of `_meta` keys and of what borrows it (`basic/index#meta`)."""

from __future__ import annotations

import re

__all__ = ["key_flaw"]

_LABEL = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")


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
