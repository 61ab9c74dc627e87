"""A run as JUnit XML: one suite a revision and transport, one for load, in the shape that CI services read.

What turns a gate red is a `failure`, our own fault an `error`. A failure that does not turn it red (`fail_on`, or a
baseline that knows it) is neither red nor green, so it is `skipped` like all that could not be judged, and says why.
Services tell cases apart by suite, class and name (GitLab keeps one of those that are alike), so each of these is
there once.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from datetime import UTC

from reports.baseline import Known
from reports.digest import Place, code_of, describe_places, place_of, standing
from reports.rows import Finding, Judgement, Load, LoadJudgement, ObjectiveResult
from reports.severity import fails, severity, stale
from reports.source import source_of
from reports.store import Run
from reports.story import entry_line, story
from reports.text import shorten, visible
from reports.units import figures

_CHARACTERS = 4000


def render_junit(run: Run) -> str:
    """Return the report of `run` as a JUnit XML document, failures drawn at the same line as the exit code's."""
    root = ET.Element("testsuites", name="touchstone")
    by_place: dict[Place, list[Judgement]] = {}
    for judgement in run.judgements:
        by_place.setdefault(place_of(judgement), []).append(judgement)
    for place, judgements in sorted(by_place.items()):
        facts = {"revision": place.revision, "transport": place.transport}
        name = visible(describe_places([place]))
        _suite(root, run, name, facts, (_judged(judgement, run) for judgement in judgements))
    if outlived := stale(run):
        _suite(root, run, "baseline", {}, (_stale(entry, run) for entry in outlived))
    if run.loads:
        _suite(root, run, "load", {}, (case for load in run.loads for case in _measured(load, run)))
    _add_up(root, root.findall("testsuite"))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, run: Run, name: str, facts: dict[str, str], cases: Iterable[ET.Element]) -> None:
    started = run.header.started.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    suite = ET.SubElement(root, "testsuite", name=name, timestamp=started)
    _add_properties(suite, _facts(run) | facts)
    seen: dict[str, int] = {}
    for case in cases:
        case.set("classname", f"touchstone.{name.replace(' over ', '.')}")
        _name_apart(case, seen)
        suite.append(case)
    found = suite.findall("testcase")
    counts = {"tests": len(found)} | {
        name: sum(case.find(tag) is not None for case in found)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    for key, count in counts.items():
        suite.set(key, str(count))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in found):.3f}")


def _facts(run: Run) -> dict[str, str]:
    header = run.header
    return {
        "target": header.target.address,
        "implementation": header.target.implementation or "",
        "command": header.command,
        "seed": "" if header.seed is None else str(header.seed),
        "touchstone": header.touchstone,
        "standing": standing(run),
        "complete": "yes" if run.complete else "no",
        "exit": str(code_of(run)),
    }


def _add_properties(element: ET.Element, facts: dict[str, str]) -> None:
    """Add those that say anything."""
    told = {name: visible(value) for name, value in facts.items() if value}
    properties = ET.SubElement(element, "properties") if told else element
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=value)


def _name_apart(case: ET.Element, seen: dict[str, int]) -> None:
    name = case.get("name", "")
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:
        case.set("name", f"{name} ({seen[name]})")


def _add_up(root: ET.Element, suites: list[ET.Element]) -> None:
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")


def _judged(judgement: Judgement, run: Run) -> ET.Element:
    case = ET.Element("testcase", name=visible(judgement.check), time=f"{max(judgement.seconds, 0):.3f}")
    if (file := source_of(run.header.target)) is not None:
        case.set("file", file)
    said = visible(shorten(judgement.cause or judgement.summary or judgement.title, _CHARACTERS))
    _add_properties(case, _circumstances(judgement, run))
    match judgement.outcome:
        case "inapplicable" | "blocked":
            ET.SubElement(case, "skipped", message=f"{judgement.outcome}: {said}")
        case "broken":
            _told(case, "error", said, judgement, kind="fault of Touchstone")
        case "failed" if fails(judgement, run.fail_on, run.baseline):
            _told(case, "failure", said, judgement, kind=judgement.level)
        case "failed":
            flaky = "flaky, " if _flaky(judgement) else ""
            kind = severity(judgement, run.baseline)
            ET.SubElement(case, "skipped", message=f"{kind}, {flaky}not counted: {said}")
            ET.SubElement(case, "system-out").text = story(judgement)
        case "passed":
            pass
    return case


def _flaky(judgement: Judgement) -> bool:
    return judgement.outcome == "failed" and isinstance(judgement, Finding) and judgement.confirmed == "flaky"


def _circumstances(judgement: Judgement, run: Run) -> dict[str, str]:
    """Say of a failure that it did not happen again, and what the baseline says of it."""
    flaky = {"flaky": "yes" if _flaky(judgement) else ""}
    listed = run.baseline.listed(judgement) if run.baseline is not None else None
    if listed is None:
        return flaky
    expires = str(listed.expires or "")
    known = listed.reason or "listed in the baseline"
    return {**flaky, "known": known, "known.link": listed.link, "known.expires": expires}


def _stale(entry: Known, run: Run) -> ET.Element:
    name = " ".join(filter(None, [entry.check, entry.place]))
    case = ET.Element("testcase", name=visible(name), time="0.000")
    said = "the baseline lists it, but nothing of it failed: remove the entry"
    if run.fail_on == "never":
        ET.SubElement(case, "skipped", message=said)
    else:
        ET.SubElement(case, "failure", message=said, type="stale")
    return case


def _told(case: ET.Element, tag: str, said: str, judgement: Judgement, *, kind: str) -> None:
    ET.SubElement(case, tag, message=said, type=kind).text = story(judgement)


def _measured(load: Load, run: Run) -> Iterator[ET.Element]:
    """One case an objective, and one for each thing that a scenario judged; one for the operation where it has none."""
    name = f"{visible(load.scenario)}: {visible(load.operation)}"
    for objective in load.objectives:
        yield _objective(f"{name}, {visible(objective.text)}", load, objective, run)
    for judged in load.judgements:
        yield _judged_under_load(f"{name}, {visible(judged.name)}", judged, run)
    if not load.objectives and not load.judgements:
        case = ET.Element("testcase", name=name, time=f"{max(load.seconds, 0):.3f}")
        if not load.valid:
            _spoiled(case, load)
        yield case


def _objective(name: str, load: Load, objective: ObjectiveResult, run: Run) -> ET.Element:
    case = ET.Element("testcase", name=name, time="0.000")
    measured = "nothing" if objective.measured is None else f"{figures(objective.measured)} {visible(objective.unit)}"
    if not load.valid:
        _spoiled(case, load)
    elif not objective.met and run.fail_on != "never":
        ET.SubElement(case, "failure", message=f"{visible(objective.text)}: measured {measured}", type="objective")
    elif not objective.met:
        ET.SubElement(case, "skipped", message=f"missed, not counted: measured {measured}")
    return case


def _judged_under_load(name: str, judged: LoadJudgement, run: Run) -> ET.Element:
    case = ET.Element("testcase", name=name, time="0.000")
    said = visible(shorten(judged.explanation, _CHARACTERS))
    if judged.holds is None:
        ET.SubElement(case, "skipped", message=f"not judged: {said}")
    elif not judged.holds and run.fail_on != "never":
        wire = "\n".join(map(entry_line, judged.evidence))
        ET.SubElement(case, "failure", message=said, type="scenario").text = visible(shorten(wire, _CHARACTERS))
    elif not judged.holds:
        ET.SubElement(case, "skipped", message=f"does not hold, not counted: {said}")
    return case


def _spoiled(case: ET.Element, load: Load) -> None:
    reasons = load.generator.reasons if load.generator else ()
    ET.SubElement(case, "skipped", message=f"no result: {visible('; '.join(reasons) or 'the generator was the limit')}")
