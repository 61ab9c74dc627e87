"""Why a token was not taken. None of these ever holds a token."""

from __future__ import annotations

__all__ = ["InvalidTokenError", "VerificationUnavailableError"]


class InvalidTokenError(Exception):
    """The token is not valid here; the words say why, and may be told to whoever sent it."""


class VerificationUnavailableError(Exception):
    """Nobody can tell now whether the token is valid: the issuer's keys or its answer cannot be had."""
