"""From what a property found to a row of the records, with a script that repeats it without Touchstone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.catalogue import load as load_catalogue
from conformance.properties.oracle import describe
from conformance.properties.property import Ground, Property
from conformance.properties.script import script_of
from conformance.target import Target
from conformance.verdicts import refs, wire_entry
from reports.records import Finding

if TYPE_CHECKING:
    from conformance.properties.runner import Tried

__all__ = ["finding"]

_ENTRIES = 20


def finding(item: Property, ground: Ground, target: Target, tried: Tried, seed: int) -> Finding:
    """Return the row of one property at one revision."""
    judged, mismatch, case = tried.judged, tried.judged.mismatch, tried.case
    rows = load_catalogue().binding(item.requirements, ground.revision, ground.transport)
    failed = judged.outcome == "failed" and case is not None
    wire = tried.prober.wire[-_ENTRIES:] if failed and tried.prober else []
    return Finding(
        check=item.id,
        property=item.id,
        title=item.title,
        requirements=refs(rows, ground.revision),
        level=rows[0].level,  # type: ignore[arg-type] # the catalogue has checked that it is one of the levels
        revision=ground.revision.name,
        transport=target.transport,
        outcome=judged.outcome,
        summary=judged.summary or (f"{case.label}: {mismatch}" if case and mismatch else ""),
        expected=mismatch.expected if mismatch else "",
        actual=mismatch.actual if mismatch else "",
        evidence=tuple(wire_entry(entry) for entry in wire),
        repeat=f"touchstone replay {item.id}" if failed else "",
        seconds=judged.seconds,
        conversation=(case.to_json(), *describe(case)) if failed and case else (),
        seed=seed,
        script=script_of(target, ground.revision, wire) if failed else "",
        confirmed="confirmed" if tried.confirmed else "flaky",
    )
