"""What to tell somebody who named what there is not: the nearest name, and some of those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["known"]

_SHOWN = 20


def known(name: str, names: Sequence[str]) -> str:
    """Return the end of a sentence that says there is no such name: a guess if one is near, and what there is."""
    close = get_close_matches(name, names, 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    shown = ", ".join([*names[:_SHOWN], *([f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else [])])
    return f"{guess}{'' if guess else ';'} known are {shown or 'none'}"
