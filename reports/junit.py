"""A run as JUnit XML: one suite a revision and transport, one for load, in the shape that CI services read.

What turns a gate red is a `failure`, our own fault an `error`. A failure that does not turn it red (`fail_on`, or a
baseline that knows it) is neither red nor green, so it is `skipped` like all that could not be judged, and says why.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from datetime import UTC

from reports.baseline import Baseline, Known
from reports.digest import place_of, strongest
from reports.rows import Finding, Judgement, Load, ObjectiveResult, WireEntry
from reports.severity import FailOn, fails, severity, stale
from reports.store import Run
from reports.text import shorten, visible
from reports.units import figures

_CHARACTERS = 4000
_WIRE_ENTRIES = 20
_ARROWS = {"sent": "->", "received": "<-", "stderr": "err", "process": "*"}


def render_junit(run: Run, fail_on: FailOn = "must") -> str:
    """Return the report of `run` as a JUnit XML document, failures drawn at the same line as the exit code's."""
    root = ET.Element("testsuites", name="touchstone")
    by_place: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in run.judgements:
        place = place_of(judgement)
        by_place.setdefault((place.revision, place.transport), []).append(judgement)
    for (revision, transport), judgements in sorted(by_place.items()):
        name = visible(f"{revision} over {transport}")
        _suite(root, run, name, (_judged(judgement, fail_on, run.baseline) for judgement in judgements))
    if outlived := stale(run):
        _suite(root, run, "baseline", (_stale(entry, fail_on) for entry in outlived))
    if run.loads:
        _suite(root, run, "load", (case for load in run.loads for case in _measured(load, fail_on)))
    _add_up(root, root.findall("testsuite"))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, run: Run, name: str, cases: Iterable[ET.Element]) -> None:
    started = run.header.started.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    suite = ET.SubElement(root, "testsuite", name=name, timestamp=started)
    properties = ET.SubElement(suite, "properties")
    facts = {"target": run.header.target.address, "seed": run.header.seed, "touchstone": run.header.touchstone}
    for key, value in facts.items():
        if value is not None:
            ET.SubElement(properties, "property", name=key, value=visible(str(value)))
    for case in cases:
        case.set("classname", f"touchstone.{name.replace(' over ', '.')}")
        suite.append(case)
    found = suite.findall("testcase")
    counts = {"tests": len(found)} | {
        name: sum(case.find(tag) is not None for case in found)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    for key, count in counts.items():
        suite.set(key, str(count))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in found):.3f}")


def _add_up(root: ET.Element, suites: list[ET.Element]) -> None:
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")


def _judged(judgement: Judgement, fail_on: FailOn, baseline: Baseline | None) -> ET.Element:
    case = ET.Element("testcase", name=visible(judgement.check), time=f"{max(judgement.seconds, 0):.3f}")
    said = visible(shorten(judgement.cause or judgement.summary or judgement.title, _CHARACTERS))
    listed = baseline.listed(judgement) if baseline is not None else None
    if listed is not None:
        _add_properties(case, listed)
    match judgement.outcome:
        case "passed":
            return case
        case "inapplicable" | "blocked":
            ET.SubElement(case, "skipped", message=f"{judgement.outcome}: {said}")
        case "broken":
            _told(case, "error", said, judgement, kind="fault of Touchstone")
        case "failed" if fails(judgement, fail_on, baseline):
            _told(case, "failure", said, judgement, kind=judgement.level)
        case "failed":
            ET.SubElement(case, "skipped", message=f"{severity(judgement, baseline)}, not counted: {said}")
            ET.SubElement(case, "system-out").text = _story(judgement)
    return case


def _add_properties(case: ET.Element, listed: Known) -> None:
    """Say what the baseline says of a failure, in the way in which test cases have properties."""
    properties = ET.SubElement(case, "properties")
    facts = {"reason": listed.reason, "link": listed.link, "expires": str(listed.expires or "")}
    ET.SubElement(properties, "property", name="known", value=visible(facts["reason"]) or "listed in the baseline")
    for name in ("link", "expires"):
        if facts[name]:
            ET.SubElement(properties, "property", name=f"known.{name}", value=visible(facts[name]))


def _stale(entry: Known, fail_on: FailOn) -> ET.Element:
    name = " ".join(filter(None, [entry.check, entry.place]))
    case = ET.Element("testcase", name=visible(name), time="0.000")
    tag = "skipped" if fail_on == "never" else "failure"
    ET.SubElement(case, tag, message="the baseline lists it, but nothing of it failed: remove the entry", type="stale")
    return case


def _told(case: ET.Element, tag: str, said: str, judgement: Judgement, *, kind: str) -> None:
    ET.SubElement(case, tag, message=said, type=kind).text = _story(judgement)


def _story(judgement: Judgement) -> str:
    return "\n".join(f"{label:<9} {visible(shorten(text, _CHARACTERS))}" for label, text in _lines(judgement) if text)


def _lines(judgement: Judgement) -> Iterator[tuple[str, str]]:
    yield "check", judgement.title
    rule = strongest(judgement)
    if rule is not None:
        yield "rule", f"{rule.level} {rule.text} ({rule.page})"
    yield "expected", judgement.expected
    yield "actual", judgement.actual
    wire: tuple[WireEntry | str, ...] = judgement.evidence
    if isinstance(judgement, Finding):
        yield "property", judgement.property
        yield "seed", "" if judgement.seed is None else str(judgement.seed)
        wire = judgement.conversation or wire
    for entry in wire[-_WIRE_ENTRIES:]:
        yield "wire", entry if isinstance(entry, str) else _entry(entry)
    yield "repeat", judgement.repeat


def _entry(entry: WireEntry) -> str:
    rest = f" ... {entry.truncated:,} more bytes" if entry.truncated else ""
    return f"{entry.at:.3f} s {_ARROWS[entry.direction]} {entry.text}{rest}"


def _measured(load: Load, fail_on: FailOn) -> Iterator[ET.Element]:
    """One case an objective; one for the operation itself where it has none."""
    name = f"{visible(load.scenario)}: {visible(load.operation)}"
    for objective in load.objectives:
        yield _objective(f"{name}, {visible(objective.text)}", load, objective, fail_on)
    if not load.objectives:
        case = ET.Element("testcase", name=name, time=f"{load.seconds:.3f}")
        if not load.valid:
            _spoiled(case, load)
        yield case


def _objective(name: str, load: Load, objective: ObjectiveResult, fail_on: FailOn) -> ET.Element:
    case = ET.Element("testcase", name=name, time="0.000")
    measured = "nothing" if objective.measured is None else f"{figures(objective.measured)} {visible(objective.unit)}"
    if not load.valid:
        _spoiled(case, load)
    elif not objective.met and fail_on != "never":
        ET.SubElement(case, "failure", message=f"{visible(objective.text)}: measured {measured}", type="objective")
    elif not objective.met:
        ET.SubElement(case, "skipped", message=f"missed, not counted: measured {measured}")
    return case


def _spoiled(case: ET.Element, load: Load) -> None:
    reasons = load.generator.reasons if load.generator else ()
    ET.SubElement(case, "skipped", message=f"no result: {visible('; '.join(reasons) or 'the generator was the limit')}")
