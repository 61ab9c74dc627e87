"""The command line as it was typed, for the header of the records, without what it holds of secrets."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from reports.redaction import REDACTED

__all__ = ["typed"]

_WHOLE = "\0"
"""Parts nothing: all of it is the value."""
_LONG = {"--header": ":", "--env": "=", "--token": _WHOLE}
"""Options to what parts name from value in what they take."""
_SHORT = {"-H": ":", "-e": "="}
_BY_NAME = "env:"


def typed(arguments: Sequence[str]) -> str:
    """Return `touchstone` with its arguments, to be pasted into a shell; values of headers and variables are masked,
    however short, unless they only name a variable (`env:TOKEN`)."""
    shown: list[str] = ["touchstone"]
    separator: str | None = None
    options = True
    for word in arguments:
        if separator is not None:
            shown.append(_masked(word, separator))
            separator = None
        elif options:
            options = word != "--"
            separator = _LONG.get(word) or _SHORT.get(word)
            shown.append(_joined(word))
        else:
            shown.append(word)
    return shlex.join(shown)


def _joined(word: str) -> str:
    """Mask an option that holds its value: `--env=A=b`, `-eA=b`."""
    option, equals, value = word.partition("=")
    if option in _LONG and equals:
        return f"{option}={_masked(value, _LONG[option])}"
    if word[:2] in _SHORT and len(word) > 2:
        return word[:2] + _masked(word[2:], _SHORT[word[:2]])
    return word


def _masked(pair: str, separator: str) -> str:
    name, found, value = pair.partition(separator)
    if (pair if separator == _WHOLE else value).strip().startswith(_BY_NAME):
        return pair
    space = " " if value.startswith(" ") else ""
    return f"{name}{found}{space}{REDACTED}" if found else REDACTED
