"""From what a property found to a row of the records, with a script that repeats it without Touchstone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from conformance.catalogue import Requirement
from conformance.catalogue import load as load_catalogue
from conformance.expect import Mismatch, brief
from conformance.links import Gone, Silence
from conformance.properties.case import Case
from conformance.properties.oracle import describe
from conformance.properties.promises import NAMED
from conformance.properties.property import Ground, Property
from conformance.properties.script import script_of
from conformance.target import Target
from conformance.transcript import Entry
from conformance.verdicts import refs, wire_entry
from reference_impl.protocol.revisions import Revision
from reports.records import Finding

if TYPE_CHECKING:
    from conformance.properties.search import Tried

__all__ = ["case_of", "finding"]

_ENTRIES = 20
_HEADLINE = 120
_CASE = "# touchstone case: "
_ANSWERED = "base.response.every-request"
"""What a target breaks that dies or hangs; one that answers wrongly breaks the other rows of the property."""


def finding(item: Property, ground: Ground, target: Target, tried: Tried, seed: int) -> Finding:
    """Return the row of one property at one revision."""
    judged, mismatch, case = tried.judged, tried.judged.mismatch, tried.case
    rows = _broken(load_catalogue().binding(item.requirements, ground.revision, ground.transport), mismatch)
    failed = judged.outcome == "failed" and case is not None
    wire = tried.wire if failed else ()
    return Finding(
        check=item.id,
        property=item.id,
        title=item.title,
        requirements=refs(rows, ground.revision),
        level=rows[0].level,  # type: ignore[arg-type] # the catalogue has checked that it is one of the levels
        revision=ground.revision.name,
        transport=target.transport,
        outcome=judged.outcome,
        summary=judged.summary or (_headline(case, mismatch) if case and mismatch else ""),
        expected=mismatch.expected if mismatch else "",
        actual=mismatch.actual if mismatch else "",
        evidence=tuple(wire_entry(entry) for entry in wire[-_ENTRIES:]),
        repeat=f"touchstone replay {item.id}" if failed else "",
        seconds=judged.seconds,
        conversation=tuple(describe(case)) if failed and case else (),
        seed=seed,
        script=_script(case, target, ground.revision, wire if case.steps else wire[-_ENTRIES:])
        if failed and case
        else "",
        confirmed="confirmed" if tried.confirmed else "flaky",
        ended=tried.ended,
    )


def _headline(case: Case, mismatch: Mismatch) -> str:
    """Say in a line what went wrong; what a target wrote before it died is told with the evidence."""
    happened = mismatch.actual.partition("; ")[0] if isinstance(mismatch, Gone) else mismatch.actual
    # The way goes in front where the label does not say it already.
    way = f"{case.way}: " if case.way and case.way not in case.label else ""
    return f"{way}{case.label}: expected {mismatch.expected}; got {brief(happened, _HEADLINE)}"


def _broken(rows: list[Requirement], mismatch: Mismatch | None) -> list[Requirement]:
    """Return the row that was named; else the duty to answer alone where no answer came, all but it where one did."""
    if mismatch is None:
        return rows
    if named := [row for row in rows if row.id == mismatch.breaks]:
        return named
    silent = isinstance(mismatch, Gone | Silence)
    answers = [row for row in rows if row.id not in NAMED]
    return [row for row in answers if (row.id == _ANSWERED) is silent] or answers or rows


def _script(case: Case, target: Target, revision: Revision, wire: Sequence[Entry]) -> str:
    """Return the script, headed by the case itself, which `touchstone replay` reads."""
    return f"{_CASE}{case.to_json()}\n{script_of(target, revision, wire)}"


def case_of(finding: Finding) -> Case:
    """Return the smallest case of a finding. Raises `ValueError` if its record holds none."""
    first = finding.script.partition("\n")[0]
    if not first.startswith(_CASE):
        raise ValueError(f"the record of {finding.property} holds no case to repeat")
    return Case.from_json(first.removeprefix(_CASE))
