"""Many runs as one matrix: implementations by groups of requirements, and each failing check with those it fails on.

A row of the matrix follows from the records of one run; the rows are written as JSON Lines, told apart by `kind`
(`survey`, `implementation`, `footer`), and every rendering is a function of them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import DecodeError, Meta, Struct, ValidationError
from msgspec import json as msgspec_json

from reports.digest import area_of, code_of, digest, strongest
from reports.exchange import Utc
from reports.rows import Judgement, Level, Target
from reports.severity import Severity, severity
from reports.store import Run

__all__ = [
    "FAILING",
    "WORST",
    "Cell",
    "Checked",
    "Failing",
    "Implementation",
    "Matrix",
    "Spread",
    "Survey",
    "SurveyFooter",
    "SurveyHeader",
    "encode_row",
    "groups_of",
    "implementation",
    "read_matrix",
    "spread",
]

Role = Literal["server", "client"]
MATRIX_SCHEMA = 1

# From the worst that a check came to, wherever it was judged, to what says least.
WORST: tuple[Severity, ...] = ("violation", "fault", "warning", "note", "known", "ok", "open", "n/a")
FAILING: frozenset[Severity] = frozenset(WORST[:5])


class SurveyHeader(Struct, frozen=True, kw_only=True, tag_field="kind", tag="survey"):
    """The first row: who surveyed, when, and what was typed."""

    touchstone: str
    command: str
    started: Utc
    schema: Annotated[int, Meta(description="version of the format of these rows")] = MATRIX_SCHEMA


class Cell(Struct, frozen=True, kw_only=True):
    """How many checks of one group of requirements came to each severity; each check counts once, at its worst."""

    group: str
    counts: dict[Severity, int]

    @property
    def worst(self) -> Severity:
        """The severity that the cell is known by."""
        return next((name for name in WORST if self.counts.get(name)), "n/a")


class Checked(Struct, frozen=True, kw_only=True):
    """What one check came to on an implementation: each severity, with the revisions at which it was seen."""

    check: str
    level: Level
    area: str
    seen: dict[Severity, tuple[str, ...]]

    @property
    def worst(self) -> Severity:
        """The severity that it is known by."""
        return next((name for name in WORST if name in self.seen), "n/a")


class Failing(Struct, frozen=True, kw_only=True):
    """One check that fails on an implementation, and at which revisions."""

    check: str
    title: str
    severity: Severity
    level: Level
    rule: str
    page: str
    url: str | None
    revisions: tuple[str, ...]


class Implementation(Struct, frozen=True, kw_only=True, tag_field="kind", tag="implementation"):
    """What became of one target. `trouble` says why there is no verdict on it, or not a whole one; `report` and
    `records` are files beside this one; `configuration` tells whether it was judged as it would be judged now."""

    name: str
    role: Role
    exit: int
    complete: bool
    seconds: float
    configuration: str
    target: Target | None = None
    revisions: tuple[str, ...] = ()
    headline: str = ""
    standing: str = "inconclusive"
    cells: tuple[Cell, ...] = ()
    failing: tuple[Failing, ...] = ()
    checks: Annotated[tuple[Checked, ...], Meta(description="empty in older surveys")] = ()
    trouble: str = ""
    report: str | None = None
    records: str | None = None

    def count(self, name: Severity) -> int:
        """How many checks came to this, each counted once."""
        return sum(cell.counts.get(name, 0) for cell in self.cells)

    def cell(self, group: str) -> Cell | None:
        """What came of a group; None where nothing of it was tried."""
        return next((cell for cell in self.cells if cell.group == group), None)


class SurveyFooter(Struct, frozen=True, kw_only=True, tag_field="kind", tag="footer"):
    """The last row."""

    complete: bool
    exit: int
    seconds: float


Survey = SurveyHeader | Implementation | SurveyFooter


@dataclass(frozen=True, slots=True)
class Matrix:
    """A whole survey. `footer` is missing while it goes on."""

    header: SurveyHeader
    implementations: tuple[Implementation, ...]
    footer: SurveyFooter | None = None

    def of(self, role: Role) -> tuple[Implementation, ...]:
        """Those of one role."""
        return tuple(each for each in self.implementations if each.role == role)


@dataclass(frozen=True, slots=True)
class Spread:
    """One check that fails somewhere, as it is on the first, and everyone on whom it does."""

    failing: Failing
    on: tuple[Implementation, ...]


def encode_row(row: Survey) -> bytes:
    """Return a row as one line of JSON, without line feed."""
    return msgspec_json.encode(row)


def read_matrix(data: bytes) -> Matrix | None:
    """Read a survey back, as far as it was written; None for what is none, or one of a later format."""
    rows: list[Survey] = []
    for line in data.splitlines():
        try:
            rows.append(msgspec_json.decode(line, type=Survey))
        except ValidationError:
            return None
        except DecodeError:
            break  # the last line of a survey that was torn in the middle
    if not rows or not isinstance(rows[0], SurveyHeader) or rows[0].schema > MATRIX_SCHEMA:
        return None
    footers = [row for row in rows if isinstance(row, SurveyFooter)]
    done = tuple(row for row in rows if isinstance(row, Implementation))
    return Matrix(rows[0], done, footers[-1] if footers else None)


def implementation(run: Run, identity: Implementation) -> Implementation:
    """Return `identity` with all that the records of its run say."""
    summary = digest(run)
    told = {
        "exit": code_of(run),
        "complete": run.complete,
        "seconds": run.footer.seconds if run.footer else identity.seconds,
        "target": run.header.target,
        "revisions": run.header.revisions,
        "headline": summary.headline,
        "standing": summary.standing,
        "cells": tuple(_cells(run)),
        "failing": tuple(_failing(run)),
        "checks": tuple(_checks(run)),
    }
    known = {
        name: getattr(identity, name) for name in ("name", "role", "configuration", "trouble", "report", "records")
    }
    return Implementation(**known, **told)  # type: ignore[arg-type] # each by its own name


def _cells(run: Run) -> Iterable[Cell]:
    worst: dict[tuple[str, str], Severity] = {}
    for judgement in run.judgements:
        place = (area_of(judgement), judgement.check)
        worst[place] = min(severity(judgement, run.baseline), worst.get(place, "n/a"), key=WORST.index)
    for group in sorted({group for group, _ in worst}):
        counts = Counter(found for (there, _), found in worst.items() if there == group)
        yield Cell(group=group, counts={name: counts[name] for name in WORST if counts[name]})


def _checks(run: Run) -> Iterable[Checked]:
    found: dict[str, list[Judgement]] = {}
    for judgement in run.judgements:
        found.setdefault(judgement.check, []).append(judgement)
    for check, judged in found.items():
        seen: dict[Severity, set[str]] = {}
        for judgement in judged:
            seen.setdefault(severity(judgement, run.baseline), set()).add(judgement.revision)
        revisions = {name: tuple(sorted(seen[name])) for name in WORST if name in seen}
        worst = min(judged, key=lambda judgement: WORST.index(severity(judgement, run.baseline)))
        yield Checked(check=check, level=worst.level, area=area_of(worst), seen=revisions)


def _failing(run: Run) -> Iterable[Failing]:
    summary = digest(run)
    for group in (*summary.failures, *(each for found in summary.failures for each in found.also), *summary.known):
        judged, rule = group.first, strongest(group.first)
        yield Failing(
            check=judged.check,
            title=judged.title,
            severity=group.severity,
            level=judged.level,
            rule=rule.text if rule else "",
            page=rule.page if rule else "",
            url=rule.url if rule else None,
            revisions=tuple(dict.fromkeys(place.revision for place in group.places)),
        )


def groups_of(rows: Iterable[Implementation]) -> tuple[str, ...]:
    """Return the groups of which something was tried on any of these, in order."""
    return tuple(sorted({cell.group for row in rows for cell in row.cells}))


def spread(rows: Iterable[Implementation]) -> tuple[Spread, ...]:
    """Return every check that fails, the worst and the most widespread first."""
    found: dict[tuple[str, Severity], tuple[Failing, list[Implementation]]] = {}
    for row in rows:
        for failing in row.failing:
            on = found.setdefault((failing.check, failing.severity), (failing, []))[1]
            if row not in on:
                on.append(row)
    spreads = [Spread(failing, tuple(on)) for failing, on in found.values()]
    return tuple(
        sorted(spreads, key=lambda each: (WORST.index(each.failing.severity), -len(each.on), each.failing.check))
    )
