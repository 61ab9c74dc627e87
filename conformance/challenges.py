"""What `WWW-Authenticate` says, however it is spelled (RFC 9110, section 11.6.1).

Several fields, several challenges in a field, parameters quoted or not, in any case and order: a judge that stumbles
over a legal form would fail servers that are right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.expect import brief
from conformance.transcript import HttpHead

if TYPE_CHECKING:
    from conformance.links import Answer

__all__ = ["Challenge", "challenges", "described", "for_tokens"]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a token of HTTP, no secret
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}(?:[:/?@\[\]=][^\s,]*)?))')
_SCHEME = re.compile(rf"({_TOKEN})(?:\s+|(?=,)|$)(?!\s*=)")
_FIELD = "www-authenticate"
_SCHEMES = ("bearer", "dpop")
"""The schemes of access tokens: RFC 6750, and RFC 9449 for those that are bound to a key."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge; scheme and names of parameters in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that it names."""
        return frozenset(self.parameters.get("scope", "").split())


def challenges(head: HttpHead | None) -> list[Challenge]:
    """Return the challenges of a reply, in their order."""
    values = [value for name, value in head.headers if name == _FIELD] if head else []
    return [challenge for value in values for challenge in _read(value)]


def for_tokens(head: HttpHead | None) -> Challenge | None:
    """Return the first challenge of a reply that asks for an access token, or None."""
    return next((challenge for challenge in challenges(head) if challenge.scheme in _SCHEMES), None)


def described(answer: Answer) -> str:
    """Return a refusal in a line, its challenge for its body, for a failure's `actual`."""
    values = [value for name, value in answer.head.headers if name == _FIELD] if answer.head else []
    return f"HTTP {answer.status}, {'; '.join(map(brief, values))}" if values else answer.describe()


def _read(value: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while at < len(value):
        parameter, scheme = _PARAMETER.match(value, at), _SCHEME.match(value, at)
        if parameter is not None and found:
            name, quoted, bare = parameter.groups()
            text = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].setdefault(name.lower(), text)
            at = parameter.end()
        elif scheme is not None:
            found.append((scheme[1].lower(), {}))
            at = scheme.end()
        else:
            at += 1
    return [Challenge(name, parameters) for name, parameters in found]
