"""A run as SARIF 2.1.0 (OASIS, docs.oasis-open.org/sarif/sarif/v2.1.0), with what GitHub code scanning asks beyond it.

A result is a check or property that failed, however many revisions and transports it failed on: services show a result
as one thing to be mended. Its rule is the check, with the address of the requirement behind it. What only might be
wrong (blocked checks, faults of ours) is no result: services would show it as a defect of the target.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from reports.digest import Group, code_of, describe_places, digest, strongest
from reports.rows import Finding, Judgement, Level
from reports.severity import severity
from reports.source import source_of
from reports.store import Run
from reports.story import facts, story, wire_lines
from reports.text import shorten, visible

__all__ = ["render_sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_NO_SOURCE = "touchstone.toml"
"""What stands for a target without source, such as a URL: services show no result that has no file."""
_CHARACTERS = 4000
_LEVELS: dict[Level, str] = {
    "MUST": "error",
    "MUST NOT": "error",
    "SHOULD": "warning",
    "SHOULD NOT": "warning",
    "MAY": "note",
    "advice": "note",
}


# `Any`: JSON objects of a format that is described elsewhere.
def render_sarif(run: Run) -> str:
    """Return what is wrong in `run` as a SARIF log with one run."""
    groups = _failed(run)
    rules = _rules(run)
    driver = {
        "name": "Touchstone",
        "informationUri": "https://pypi.org/project/mcp-touchstone/",
        "rules": list(rules.values()),
        **_version(run.header.touchstone),
    }
    body = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"touchstone/{_name(run)}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(run)],
        "results": [_result(run, together, list(rules)) for together in groups],
        "properties": _properties(run),
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [body]}, indent=1, ensure_ascii=False) + "\n"


def _version(version: str) -> dict[str, str]:
    return {"version": visible(version)} if version else {}


def _name(run: Run) -> str:
    """What parts the results of two targets: the name that it gave itself, without its version, which would part one
    history in two; else the file that it runs."""
    target = run.header.target
    named = (target.implementation or "").rpartition(" ")[0] or source_of(target) or "target"
    return visible(named).replace("/", "-")


def _failed(run: Run) -> list[list[Group]]:
    """Return what failed, by check and property; of each, the group of the newest revision first."""

    def key(group: Group) -> tuple[str, str]:
        return group.first.check, _property(group.first)

    failed = [group for group in digest(run).groups if group.first.outcome == "failed"]
    return [
        sorted(same, key=lambda group: max(group.places), reverse=True)
        for _, same in groupby(sorted(failed, key=key), key=key)
    ]


def _property(judgement: Judgement) -> str:
    return judgement.property if isinstance(judgement, Finding) else ""


def _rules(run: Run) -> dict[str, dict[str, Any]]:
    """Return a rule for each check that was judged, in order."""
    judged: dict[str, Judgement] = {}
    for judgement in sorted(run.judgements, key=lambda each: (each.outcome == "failed", each.revision)):
        if judgement.outcome in ("passed", "failed"):
            judged[judgement.check] = judgement
    return {check: _rule(judgement) for check, judgement in sorted(judged.items())}


def _rule(judgement: Judgement) -> dict[str, Any]:
    requirement = strongest(judgement)
    said = f"{requirement.level} {requirement.text} ({requirement.page})" if requirement else judgement.title
    url = requirement.url if requirement is not None else None
    area = judgement.check.partition(".")[0]
    more = f"\n\n[The specification says so]({url})" if url else ""
    return {
        "id": visible(judgement.check),
        "name": "".join(part.capitalize() for part in visible(judgement.check).replace("-", ".").split(".")),
        "shortDescription": {"text": visible(judgement.title)},
        "fullDescription": {"text": visible(said)},
        "help": {"text": visible(said), "markdown": visible(said) + more},
        "defaultConfiguration": {"level": _LEVELS[judgement.level]},
        "properties": {"tags": ["mcp", visible(area), judgement.level], "precision": "very-high"},
        **({"helpUri": url} if url and url.startswith(("https://", "http://")) else {}),
    }


def _result(run: Run, groups: list[Group], rules: list[str]) -> dict[str, Any]:
    first = groups[0].first
    flaky = isinstance(first, Finding) and first.confirmed == "flaky"
    return {
        "ruleId": visible(first.check),
        "ruleIndex": rules.index(first.check),
        "level": "warning" if flaky and _LEVELS[first.level] == "error" else _LEVELS[first.level],
        "message": {"text": _message(run, groups)},
        "locations": [_location(run, first, _places(groups))],
        # The name of the first is the only one that GitHub reads; without it, it hashes the line of the source.
        "partialFingerprints": {
            "primaryLocationLineHash": _fingerprint(first),
            "checkAndProperty/v1": _fingerprint(first),
        },
        **_suppressions(groups),
        "properties": {
            "severity": severity(first, run.baseline),
            "places": [visible(f"{place.revision} over {place.transport}") for place in _places(groups)],
            "requirements": [visible(requirement.id) for requirement in first.requirements],
            "repeat": visible(first.repeat),
            "wire": [visible(shorten(line, _CHARACTERS)) for line in wire_lines(first)],
            **({"flaky": True} if flaky else {}),
        },
    }


def _places(groups: Iterable[Group]) -> list[Any]:
    return sorted({place for group in groups for place in group.places})


def _message(run: Run, groups: list[Group]) -> str:
    first = groups[0].first
    where = describe_places(_places(groups), run.header.revisions)
    told = [f"{label}: {text}" for label, text in facts(first) if text and label not in ("check", "rule")]
    lines = [f"{first.summary or first.title} ({where})", *told, f"repeat: {first.repeat}" if first.repeat else ""]
    return visible("\n".join(shorten(line, _CHARACTERS) for line in lines if line))


def _location(run: Run, judgement: Judgement, places: list[Any]) -> dict[str, Any]:
    """Say where: in the file that the command runs, as far as there is one, and by the check's name at each place."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": source_of(run.header.target) or _NO_SOURCE, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1},
        },
        "logicalLocations": [
            {
                "name": visible(judgement.check),
                "fullyQualifiedName": visible(f"{place.revision}/{place.transport}/{judgement.check}"),
                "kind": "check",
            }
            for place in places
        ],
    }


def _fingerprint(judgement: Judgement) -> str:
    """Return what stays the same from run to run: nothing that a target says has a part in it."""
    named = visible(f"{judgement.check}\n{_property(judgement)}")
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _suppressions(groups: list[Group]) -> dict[str, Any]:
    """What a baseline puts up with is suppressed, if it puts up with all of it."""
    if any(group.severity != "known" for group in groups):
        return {}
    listed = groups[0].listed
    reason = ", ".join(filter(None, [listed.reason, listed.link])) if listed is not None else ""
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": visible(reason)}]}


def _invocation(run: Run) -> dict[str, Any]:
    notified = list(_notifications(run))
    ended = {"endTimeUtc": _utc(run.header.started + timedelta(seconds=run.footer.seconds))} if run.footer else {}
    return {
        "commandLine": visible(run.header.command),
        "executionSuccessful": run.complete and code_of(run) not in (2, 3, 5),
        "exitCode": code_of(run),
        "startTimeUtc": _utc(run.header.started),
        **ended,
        "toolExecutionNotifications": notified,
    }


def _notifications(run: Run) -> Iterator[dict[str, Any]]:
    """Say what the results are silent about: faults of ours, and a run that did not come to its end."""
    if not run.complete:
        yield {"level": "error", "message": {"text": "The run was cut short: what is not in here may be wrong too."}}
    for judgement in run.judgements:
        if judgement.outcome == "broken":
            text = f"{judgement.check} could not be judged, a fault of Touchstone.\n{story(judgement)}"
            yield {"level": "error", "message": {"text": visible(shorten(text, _CHARACTERS))}}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _properties(run: Run) -> dict[str, Any]:
    """Say how much was judged, so that no results are not taken for more than they are."""
    summary = digest(run)
    target = run.header.target
    return {
        "target": visible(target.implementation or target.name),
        "revisions": [visible(name) for name in run.header.revisions],
        "standing": summary.standing,
        "headline": visible(summary.headline),
        "outcomes": dict(summary.counts),
        **({"seed": run.header.seed} if run.header.seed is not None else {}),
    }
