"""What a WWW-Authenticate header asks for: schemes and their parameters.

Sources: RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1, RFC 9449 section 7.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Challenge", "find_challenge", "parse_challenges"]

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_SCHEME = re.compile(rf"({_WORD})(?![ \t]*=)(?:[ \t]+|(?=,)|$)")
# A value without quotes is a token by the grammar; servers put whole URLs there.
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^",=\s][^",\s]*))[ \t]*(?=,|$)')
_TOKEN68 = re.compile(r"[0-9A-Za-z\-._~+/]+=*[ \t]*(?=,|$)")
_SEPARATOR = re.compile(r"[ \t\r\n,]*")
_REST = re.compile(r"[^,]*")
_OURS = ("dpop", "bearer")
"""The schemes that can be answered with an access token, the stronger first."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: its scheme and its parameters, all names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        """Why a token was refused, such as `insufficient_scope`."""
        return self.parameters.get("error")

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes that the request needs, or None where the server does not say."""
        scope = self.parameters.get("scope")
        return None if scope is None else tuple(scope.split())

    @property
    def resource_metadata(self) -> str | None:
        """Where the protected resource metadata is."""
        return self.parameters.get("resource_metadata")


def parse_challenges(header: str | None) -> tuple[Challenge, ...]:
    """Read a WWW-Authenticate header; what is no challenge in it is passed over."""
    return tuple(_challenges(header or ""))


def _challenges(header: str) -> Iterator[Challenge]:
    position = _past(_SEPARATOR, header, 0)
    while position < len(header):
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            position = _past(_SEPARATOR, header, max(_past(_REST, header, position), position + 1))
            continue
        parameters, position = _parameters(header, scheme.end())
        yield Challenge(scheme[1].lower(), parameters)


def _parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    while True:
        position = _past(_SEPARATOR, header, position)
        match = _PARAMETER.match(header, position)
        if match is not None:
            value = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
            found.setdefault(match[1].lower(), value)
            position = match.end()
            continue
        blob = None if found else _TOKEN68.match(header, position)
        # A lone word is the next scheme, unless nothing but it follows this one (`Negotiate abc==`).
        if blob is None or _SCHEME.match(header, position):
            return found, position
        return found, _past(_SEPARATOR, header, blob.end())


def _past(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()


def find_challenge(header: str | None) -> Challenge | None:
    """Return the challenge that an access token can answer, or None: DPoP before Bearer where both are there."""
    challenges = parse_challenges(header)
    for scheme in _OURS:
        for challenge in challenges:
            if challenge.scheme == scheme:
                return challenge
    return None
