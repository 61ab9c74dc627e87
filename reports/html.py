"""A run as one HTML file that works offline, with its style, script and charts inside.

Whatever the target sent is shown as text: every expression of the templates passes through `_shown` and is then
escaped, and the page's own policy lets no script run but the one it was built with.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports import units
from reports.coverage_map import coverage_map
from reports.differences import Piece, apart, fragments, marked
from reports.digest import (
    NOUNS,
    OUTCOMES,
    Digest,
    Group,
    area_of,
    code_of,
    count_of,
    describe_places,
    digest,
    ended_early,
    strongest,
)
from reports.load_charts import Figure, figures_of, figures_of_cost
from reports.load_notes import notes_of
from reports.meanings import meaning_of, title_of
from reports.rows import Direction, Finding, Load, Outcome, WireEntry
from reports.severity import Severity
from reports.store import Run
from reports.text import shorten, visible

__all__ = ["asset", "environment", "policy", "render_html"]

_TEMPLATES = Path(__file__).parent / "templates"
_SPACE = "\N{NO-BREAK SPACE}"
_CHARACTERS = 4000
_WIRE_ENTRIES = 60

_STANDING_WORDS = {
    "failed": "Failed",
    "passed": "Passed",
    "inconclusive": "Inconclusive",
    "fault": "Fault of Touchstone",
}
_OUTCOME_WORDS: dict[Outcome, str] = {
    "failed": "failed",
    "broken": "broken",
    "blocked": "blocked",
    "passed": "passed",
    "inapplicable": "n/a",
}
_SEVERITY_WORDS: dict[Severity, str] = {
    "violation": "violation",
    "warning": "warning",
    "note": "note",
    "fault": "fault",
    "known": "known",
    "open": "blocked",
    "ok": "passed",
    "n/a": "n/a",
}
_DIRECTIONS: dict[Direction, tuple[str, str]] = {
    "sent": ("→", "sent"),
    "received": ("←", "received"),
    "stderr": ("err", "standard error"),
    "process": ("•", "process"),
}


def render_html(run: Run) -> str:
    """Return the report of `run` as one HTML document."""
    script = asset("report.js") + asset("charts.js") + asset("scheme.js")
    style = asset("report.css")
    page = environment().get_template("report.html.j2")
    summary = digest(run)
    revisions = tuple(sorted({judgement.revision for judgement in run.judgements}))
    return page.render(
        run=run,
        header=run.header,
        footer=run.footer,
        summary=summary,
        anchors=_anchors(summary),
        mapped=coverage_map(run.judgements, revisions),
        mapped_revisions=revisions,
        blocked_at={blockage.cause: number for number, blockage in enumerate(summary.blocked, 1)},
        loads=_scenarios(run),
        exit_code=code_of(run),
        ended=ended_early(run),
        standing_words=_STANDING_WORDS,
        script=Markup(script),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        policy=policy(style=style, script=script),
    )


def _anchors(summary: Digest) -> dict[int, str]:
    """Return where to link to each group, by the identity of what it shows: its check, numbered if it comes again."""
    named: dict[int, str] = {}
    taken: dict[str, int] = {}
    for group in (*summary.failures, *summary.faults, *summary.known, *summary.groups):
        if id(group.first) not in named:
            check = visible(group.first.check)
            taken[check] = taken.get(check, 0) + 1
            named[id(group.first)] = check if taken[check] == 1 else f"{check}~{taken[check]}"
    return named


def _scenarios(run: Run) -> list[dict[str, Any]]:
    """The load rows with their charts; what the target spent is drawn once where operations ran side by side."""
    shown: list[dict[str, Any]] = []
    drawn = None
    for load in run.loads:
        cost = load.target if load.target is not None and load.target != drawn else None
        drawn = load.target or drawn
        figures: tuple[Figure, ...] = (*figures_of(load), *(figures_of_cost(cost, load.judgements) if cost else ()))
        shown.append({"row": load, "figures": figures, "cost": cost, "errors": _errors(load), "notes": notes_of(load)})
    return shown


def _errors(load: Load) -> list[tuple[str, int]]:
    return sorted(load.errors.items(), key=lambda item: -item[1])


@cache
def environment() -> Environment:
    """Return the templates with all that they call; every text that they show is made fit for it and escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "ms": lambda value: _whole(units.milliseconds(value)),
        "duration": lambda value: _whole(units.duration(value)),
        "figures": units.figures,
        "share": lambda value: _whole(units.share(value)),
        "size": lambda value: _whole(units.size(value)),
        "moment": _moment,
        "prose": _prose,
        "marked": _marked,
        "together": lambda text: re.sub(r"(?<=\d) ", _SPACE, text),
    }
    environment.globals |= {
        "NOUNS": NOUNS,
        "OUTCOMES": OUTCOMES,
        "OUTCOME_WORDS": _OUTCOME_WORDS,
        "SEVERITY_WORDS": _SEVERITY_WORDS,
        "DIRECTIONS": _DIRECTIONS,
        "asked_for": units.asked_for,
        "percentiles": units.percentiles,
        "throughput": units.throughput,
        "count_of": count_of,
        "describe_places": describe_places,
        "places_as_json": lambda places: json.dumps([[place.revision, place.transport] for place in places]),
        "strongest": strongest,
        "web_address": _web_address,
        "wire": _wire,
        "apart": lambda expected, actual: apart(shorten(expected, _CHARACTERS), shorten(actual, _CHARACTERS)),
        "fragments": fragments,
        "pieces": lambda text, wanted: marked(shorten(text, _CHARACTERS), wanted),
        "identity": id,
        "area_of": area_of,
        "title_of": title_of,
        "meaning_of": meaning_of,
        "is_finding": lambda judgement: isinstance(judgement, Finding),
        "is_entry": lambda entry: isinstance(entry, WireEntry),
    }
    return environment


def _shown(value: object) -> object:
    """Make any text fit to be shown; what is Markup already was made here."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(shorten(value, _CHARACTERS))
    return value


def _whole(quantity: str) -> str:
    """Keep a number and its unit on one line."""
    return quantity.replace(" ", _SPACE)


def _prose(text: str) -> Markup:
    """Make a sentence fit to be shown, with what stands between backticks as code."""
    escaped = str(escape(_shown(text)))
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escaped))  # noqa: S704 - escaped in the line above


def _marked(pieces: Iterable[Piece]) -> Markup:
    """Set pieces of text beside each other, those that count as `mark`."""
    mark, plain = Markup("<mark>{}</mark>"), Markup("{}")
    return Markup("").join((mark if marks else plain).format(visible(text)) for text, marks in pieces)


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def _wire(group: Group) -> tuple[WireEntry | str, ...]:
    """The end of the conversation that shows the failure."""
    judged = group.first
    entries = judged.conversation if isinstance(judged, Finding) and judged.conversation else judged.evidence
    return entries[-_WIRE_ENTRIES:]


def _web_address(url: str | None) -> str | None:
    """The address where a link may lead, None for anything but the web."""
    return url if url is not None and url.startswith(("https://", "http://")) else None


def policy(*, style: str, script: str = "") -> str:
    """Return the policy of a page that has this style and this script, and lets in nothing else."""
    scripts = f"script-src {_hash(script)}; " if script else ""
    return f"default-src 'none'; {scripts}style-src {_hash(style)}; base-uri 'none'"


def asset(name: str) -> str:
    """Return a file that becomes part of a page."""
    return (_TEMPLATES / name).read_text("utf-8")


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
