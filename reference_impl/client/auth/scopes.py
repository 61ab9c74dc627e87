"""Which scopes to ask for. Sources: `basic/authorization#scope-selection-strategy`, `#step-up-authorization-flow`,
`#refresh-tokens` of 2026-07-28."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["OFFLINE", "joined", "selected", "union"]

OFFLINE = "offline_access"
"""The scope that asks for a refresh token, of the authorization servers that know it."""


def selected(challenged: tuple[str, ...] | None, supported: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return what a first authorization asks for: the challenge's scopes, else all that the server lists, else none."""
    if challenged is not None:
        return challenged
    return supported or ()


def union(*scopes: Iterable[str]) -> tuple[str, ...]:
    """Return all scopes of several sets, each once, in the order in which they came."""
    return tuple(dict.fromkeys(scope for some in scopes for scope in some))


def joined(scopes: tuple[str, ...]) -> dict[str, str]:
    """Return the parameter that asks for scopes, or none: an empty one is not the same as silence."""
    return {"scope": " ".join(scopes)} if scopes else {}
