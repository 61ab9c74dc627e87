"""The catalogue of requirements: rows of data beside the checks, loaded once.

A row says what the specification demands, of whom, in which revisions, over which transports and given which declared
capability. Checks name rows; they hold no such condition themselves.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from reference_impl.protocol.revisions import REVISIONS, Revision, Window

__all__ = ["LEVELS", "Catalogue", "CatalogueError", "Requirement", "load"]

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "advice")
"""Strongest first."""
TRANSPORTS = ("any", "stdio", "http", "sse")
"""`http` is Streamable HTTP, `sse` the HTTP+SSE of 2024-11-05."""
ROLES = ("server", "client", "both", "host", "authorization server", "intermediary", "author")
"""Whom a row binds; `author` is whoever writes an extension or a transport."""
SIGNS = ("wire", "stimulus", "static")
"""How a row can be tested: on any traffic, once the target does what it takes, or in what the target advertises."""
_HOME = "https://modelcontextprotocol.io"
_SITE = f"{_HOME}/specification"
_PROPOSALS = "seps/"
"""Where a page begins that is a proposal: it has the same address in all revisions."""
_EXTENSIONS = {"tasks": "https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/{}/tasks.md"}
_NAMES = {"tasks": "io.modelcontextprotocol/tasks"}
"""Extension to its name among `capabilities.extensions`."""
_MOVED = files("conformance") / "requirements" / "moved.toml"
_KEYS = {
    *("id", "level", "role", "page", "text", "since", "until", "transport", "requires", "legacy_page"),
    *("testable", "untestable", "extension"),
}


class CatalogueError(Exception):
    """A row of the catalogue is wrong: our own fault."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row.

    `page` is the address below the specification of a revision (`basic/index#messages`); `legacy_page` replaces it for
    revisions before 2026-07-28, whose pages are cut differently (`moved.toml` has what lies elsewhere in one of them).
    `requires` is the path of the server capability without which the row does not bind ("tools",
    "resources.subscribe", "extensions.NAME"). `extension` names the extension whose page holds the statement; a page
    that begins with "seps/" is a proposal. `testable` is one of `SIGNS`; `untestable` says for each side ("server",
    "client", ...) that nobody can test from outside why that is so.
    """

    id: str
    level: str
    role: str
    page: str
    text: str
    window: Window
    transport: str = "any"
    requires: str | None = None
    legacy_page: str | None = None
    extension: str | None = None
    testable: str = "wire"
    untestable: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def sides(self) -> tuple[str, ...]:
        """Whom the row binds, one by one."""
        return ("server", "client") if self.role == "both" else (self.role,)

    def binds(self, revision: Revision, transport: str) -> bool:
        """Whether the row holds in a revision and over a transport ("stdio", "http", "memory")."""
        over = "stdio" if transport == "memory" else transport
        return revision in self.window and self.transport in ("any", over)

    def page_in(self, revision: Revision) -> str:
        """The address of the statement in that revision."""
        page = self.page if revision.modern or self.legacy_page is None else self.legacy_page
        return _moved().get(revision.name, {}).get(page, page)

    def url(self, revision: Revision) -> str | None:
        """The public page of the statement; None for advice from the field, which no page holds."""
        if self.level == "advice":
            return None
        if self.page.startswith(_PROPOSALS):
            return f"{_HOME}/{self.page}"
        if self.extension is not None:
            return f"{_EXTENSIONS[self.extension].format(revision)}#{self.page.partition('#')[2]}"
        return f"{_SITE}/{revision.name}/{self.page_in(revision)}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Requirements by id."""

    rows: dict[str, Requirement]

    def __getitem__(self, identifier: str) -> Requirement:
        try:
            return self.rows[identifier]
        except KeyError:
            raise CatalogueError(f"no requirement is called {identifier!r}") from None

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.rows.values())

    def __len__(self) -> int:
        return len(self.rows)

    def binding(self, identifiers: Iterable[str], revision: Revision, transport: str) -> list[Requirement]:
        """Those of the named rows that hold in a revision and over a transport, strongest first."""
        rows = [self[identifier] for identifier in identifiers]
        return sorted((row for row in rows if row.binds(revision, transport)), key=lambda row: LEVELS.index(row.level))


@cache
def _moved() -> dict[str, dict[str, str]]:
    """By revision, the addresses there of what lies elsewhere in later ones of its era."""
    moved: dict[str, dict[str, str]] = tomllib.loads(_MOVED.read_text("utf-8"))["moved"]
    return moved


@cache
def load() -> Catalogue:
    """Read `requirements/*.toml`. Raises `CatalogueError` for a row that is not well formed."""
    rows: dict[str, Requirement] = {}
    folder = files("conformance") / "requirements"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            for row in tomllib.loads(file.read_text("utf-8")).get("requirement", []):
                requirement = _row(row, file.name)
                if requirement.id in rows:
                    raise CatalogueError(f"{file.name}: {requirement.id} stands twice")
                rows[requirement.id] = requirement
    return Catalogue(rows)


def _row(row: dict[str, Any], file: str) -> Requirement:
    name = f"{file}: {row.get('id', 'a row without id')}"
    if unknown := row.keys() - _KEYS:
        raise CatalogueError(f"{name}: unknown keys {sorted(unknown)}")
    dates = [revision.name for revision in REVISIONS]
    if any(row.get(end) not in (None, *dates) for end in ("since", "until")):
        raise CatalogueError(f"{name}: since and until are names of revisions")
    if row.get("level") not in LEVELS or row.get("transport", "any") not in TRANSPORTS:
        raise CatalogueError(f"{name}: level is one of {LEVELS}, transport one of {TRANSPORTS}")
    role, sign, extension = row.get("role", "server"), row.get("testable", "wire"), row.get("extension")
    if role not in ROLES or sign not in SIGNS or extension not in (None, *_EXTENSIONS):
        raise CatalogueError(
            f"{name}: role is one of {ROLES}, testable one of {SIGNS}, extension one of {(*_EXTENSIONS,)}"
        )
    try:
        return Requirement(
            id=row["id"],
            level=row["level"],
            role=role,
            page=row["page"],
            text=row["text"],
            window=Window(row.get("since"), row.get("until")),
            transport=row.get("transport", "any"),
            requires=_requires(row),
            legacy_page=row.get("legacy_page"),
            extension=extension,
            testable=sign,
            untestable=_reasons(row.get("untestable", {}), role, name),
        )
    except KeyError as missing:
        raise CatalogueError(f"{name}: {missing} is missing") from None


def _requires(row: dict[str, Any]) -> str | None:
    """Return what a row hangs on: a row of an extension on that extension, unless it says `requires = ""`."""
    extension = row.get("extension")
    return row.get("requires", None if extension is None else f"extensions.{_NAMES[extension]}") or None


def _reasons(told: str | dict[str, str], role: str, name: str) -> dict[str, str]:
    """Return why each side cannot be tested: one reason for all that the row binds, or a table of sides."""
    sides = ("server", "client") if role == "both" else (role,)
    reasons = dict.fromkeys(sides, told) if isinstance(told, str) else told
    if not reasons.keys() <= set(sides):
        raise CatalogueError(f"{name}: untestable names sides that the row does not bind")
    return reasons
