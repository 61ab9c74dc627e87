"""All active probes, in the order in which they run: those that only look, then those that touch."""

from __future__ import annotations

from conformance.security import injection, metadata, paths, principals, requests, sessions, sql, stalls
from conformance.security.probe import Probe

__all__ = ["PROBES"]

PROBES: tuple[Probe, ...] = (
    metadata.INSTRUCTIONS,
    metadata.CHANGES,
    paths.PROBE,
    sql.PROBE,
    injection.OPTIONS,
    injection.SHELL,
    requests.PROBE,
    requests.REDIRECTS,
    sessions.FIXATION,
    sessions.GUESSING,
    sessions.HIJACK,
    principals.PROBE,
    stalls.PROBE,
)
