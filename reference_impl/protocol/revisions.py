"""The protocol revisions as data: each is the previous one plus what its changelog says.

Code asks a revision for a property (`revision.sessions`), never compares dates. Source: the changelog page of each
revision and the tables of methods and headers in its transport pages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

__all__ = [
    "ALWAYS",
    "LATEST",
    "LATEST_LEGACY",
    "R2024_11_05",
    "R2025_03_26",
    "R2025_06_18",
    "R2025_11_25",
    "R2026_07_28",
    "REVISIONS",
    "Era",
    "Revision",
    "Window",
    "revision_named",
]


class Era(Enum):
    """How a conversation learns its version, identity and capabilities (`basic/versioning#terminology`)."""

    LEGACY = "legacy"
    """An `initialize` handshake opens a session."""
    MODERN = "modern"
    """Every request carries them in `_meta`."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One dated revision of the specification.

    `name` is the date on the wire. The flags say which mechanisms the revision has; `resource_not_found` is the
    JSON-RPC code for a resource that does not exist.
    """

    name: str
    era: Era = Era.LEGACY
    batching: bool = False
    streamable_http: bool = False
    sessions: bool = False
    version_header: bool = False
    mirrored_headers: bool = False
    bad_origin_is_403: bool = False
    server_requests: bool = True
    completions_capability: bool = False
    progress_message: bool = False
    primes_streams: bool = False
    structured_output: bool = False
    resource_links: bool = False
    elicitation: bool = False
    url_elicitation: bool = False
    icons: bool = False
    tasks: bool = False
    argument_errors_are_results: bool = False
    error_id_optional: bool = False
    result_type: bool = False
    caching_hints: bool = False
    any_structured_content: bool = False
    disconnect_cancels: bool = False
    resource_not_found: int = -32002

    @property
    def modern(self) -> bool:
        """Whether requests describe themselves and no handshake exists."""
        return self.era is Era.MODERN

    def but(self, name: str, **changes: Any) -> Revision:
        """Return the next revision: this one with `changes`."""
        return replace(self, name=name, **changes)

    def __str__(self) -> str:
        return self.name


R2024_11_05 = Revision("2024-11-05")
R2025_03_26 = R2024_11_05.but(
    "2025-03-26",
    batching=True,
    streamable_http=True,
    sessions=True,
    completions_capability=True,
    progress_message=True,
)
R2025_06_18 = R2025_03_26.but(
    "2025-06-18", batching=False, version_header=True, structured_output=True, resource_links=True, elicitation=True
)
R2025_11_25 = R2025_06_18.but(
    "2025-11-25",
    bad_origin_is_403=True,
    primes_streams=True,
    url_elicitation=True,
    icons=True,
    tasks=True,
    argument_errors_are_results=True,
    error_id_optional=True,
)
R2026_07_28 = R2025_11_25.but(
    "2026-07-28",
    era=Era.MODERN,
    sessions=False,
    primes_streams=False,
    server_requests=False,
    tasks=False,
    mirrored_headers=True,
    result_type=True,
    caching_hints=True,
    any_structured_content=True,
    disconnect_cancels=True,
    resource_not_found=-32602,
)

REVISIONS: tuple[Revision, ...] = (R2024_11_05, R2025_03_26, R2025_06_18, R2025_11_25, R2026_07_28)
"""Oldest first."""
LATEST = REVISIONS[-1]
LATEST_LEGACY = [revision for revision in REVISIONS if not revision.modern][-1]

_BY_NAME = {revision.name: revision for revision in REVISIONS}
_ORDER = {revision.name: index for index, revision in enumerate(REVISIONS)}


def revision_named(name: object) -> Revision | None:
    """Return the revision that the wire calls `name`, or None if there is no such revision."""
    return _BY_NAME.get(name) if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of revisions `[since, until)`; `None` leaves an end open."""

    since: str | None = None
    until: str | None = None

    def __contains__(self, revision: Revision) -> bool:
        position = _ORDER[revision.name]
        after = self.since is None or position >= _ORDER[self.since]
        return after and (self.until is None or position < _ORDER[self.until])


ALWAYS = Window()
"""Every revision."""
