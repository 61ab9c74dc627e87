"""Headers and variables of a target: `env:NAME` looked up, and every value that may be a secret remembered."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

from conformance.target import Target, UrlTarget
from door.errors import Refusal
from door.settings_file import Value

__all__ = ["Secrets"]

_SHORTEST = 6
"""Shorter values are no secrets, and would blot out half of a report."""
_PUBLIC = frozenset({"accept", "content-type", "host", "origin", "user-agent", "mcp-protocol-version"})
"""Headers whose values everybody may see, and that every report is full of."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, section 5.6.2)."""
_TELLING = ("key", "token", "secret", "password", "auth", "sig", "credential")
"""What the names of query parameters that hold secrets have in common."""


class Secrets:
    """Reads headers and variables, and keeps what no record may show."""

    def __init__(self) -> None:
        self._values: list[str] = []

    def pairs_of_headers(self, texts: Sequence[str]) -> dict[str, Value]:
        """Read `Name: value` each. Raises `Refusal` for what HTTP cannot carry."""
        pairs: dict[str, Value] = {}
        for text in texts:
            name, found, value = text.partition(":")
            if not found or not name.strip():
                raise Refusal("--header takes 'Name: value'")
            pairs[name.strip()] = value.strip()
        return pairs

    def pairs_of_variables(self, texts: Sequence[str]) -> dict[str, Value]:
        """Read `NAME=value` each; spaces belong to the value. Raises `Refusal`."""
        pairs: dict[str, Value] = {}
        for text in texts:
            name, found, value = text.partition("=")
            if not found or not name.strip() or "\0" in text:
                raise Refusal("--env takes NAME=value")
            pairs[name.strip()] = value
        return pairs

    def resolved(self, table: Mapping[str, Value]) -> dict[str, str]:
        """Replace `env:NAME` by the variable's value. Raises `Refusal` if there is no such variable."""
        return {name: self._resolve(name, str(value)) for name, value in table.items()}

    def keep(self, values: Iterable[str]) -> None:
        """Remember further values that no record may show."""
        self._values += values

    def _resolve(self, name: str, value: str) -> str:
        variable = value.removeprefix("env:")
        if variable != value:
            if variable not in os.environ:
                raise Refusal(f"{name}: the environment has no {variable}")
            value = os.environ[variable]
        if len(value) >= _SHORTEST and name.lower() not in _PUBLIC:
            self._values.append(value)
        return value

    def found(self, target: Target | None) -> tuple[str, ...]:
        """Return the secrets so far, with those that a target's URL holds. Raises `Refusal` for a header that HTTP
        cannot carry."""
        if isinstance(target, UrlTarget):
            for name, value in target.headers.items():
                _check_header(name, value)
            self._values += _secrets_of(target.url)
        return tuple(dict.fromkeys(self._values))


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise Refusal(f"{name!r} is no name of a header")
    if any(ord(character) < 0x20 and character != "\t" for character in value):
        raise Refusal(f"the value of the header {name} contains a line end or another control character")


def _secrets_of(url: str) -> list[str]:
    query = parse_qsl(urlsplit(url).query)
    queried = [value for name, value in query if any(word in name.lower() for word in _TELLING)]
    return [value for value in queried if len(value) >= _SHORTEST]
