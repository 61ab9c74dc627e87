"""What can go wrong in a host before or beside the servers' own failures. Each `str()` is one line."""

from __future__ import annotations

__all__ = ["ConfigurationError", "HostError", "ModelError", "NothingFits", "PlanError"]


class HostError(Exception):
    """Base of all that follow."""


class ConfigurationError(HostError):
    """An `mcp.json` cannot be used."""


class PlanError(HostError):
    """A plan cannot be carried out: it names what is not there, or goes in circles."""


class NothingFits(HostError):  # noqa: N818 - the name says what happened
    """No tool fits what was asked for; nothing was done."""


class ModelError(HostError):
    """A model's endpoint gave no answer that can be used. Its words hold no key."""
