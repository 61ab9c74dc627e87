"""A run as a badge: how it ended, at which revisions, by which version of the checks, over how many of them.

A badge is read without its report, so it says no more than the run showed: it is grey if the run was cut short, was
narrowed to some checks, or came to no conclusion, and counts what could not be judged.
"""

import html
import json
from collections import Counter
from dataclasses import dataclass

from reports.digest import count_of, digest
from reports.severity import broken_under_load, missed
from reports.store import Run
from reports.text import shorten, visible

__all__ = ["Badge", "badge_of", "render_endpoint", "render_svg"]

_COLOURS = {"red": "#c8321f", "yellow": "#a67c00", "brightgreen": "#2e7d32", "lightgrey": "#6f6f6f"}
"""Colours by the names of shields.io; dark enough for white letters on them."""
_CACHE = 300
_CHARACTERS = 160
_REVISIONS = 2


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge shows: two short texts and a colour, and in `title` what there is to know beside."""

    label: str
    message: str
    colour: str
    title: str


def badge_of(run: Run) -> Badge:
    """Return the badge of a run."""
    version = run.header.touchstone
    title = f"Touchstone {version} on {run.header.started:%Y-%m-%d}: {digest(run).headline}"
    return Badge(_short(_label(run)), _short(f"{_message(run)} (touchstone {version})"), _colour(run), _short(title))


def _short(text: str) -> str:
    return visible(shorten(" ".join(text.split()), _CHARACTERS))


def _label(run: Run) -> str:
    revisions = sorted(run.header.revisions, reverse=True)
    if not run.judgements or not revisions:
        return "MCP"
    few = ", ".join(revisions)
    return f"MCP {few}" if len(revisions) <= _REVISIONS else f"MCP, {len(revisions)} revisions to {revisions[0]}"


def _message(run: Run) -> str:
    """Say what was found, how much was looked at, and what keeps it from being the whole truth."""
    summary = digest(run)
    found = Counter(group.severity for group in summary.failures)
    checks = Counter(group.severity for group in summary.groups)
    parts = [
        count_of(found["violation"], "violation", "violations"),
        count_of(_missed(run), "missed objective", "missed objectives"),
        count_of(checks["ok"], "check passed", "checks passed"),
        count_of(checks["known"], "known failure", "known failures"),
        count_of(0 if found["violation"] else found["warning"], "warning", "warnings"),
        count_of(checks["open"] + checks["fault"], "not judged", "not judged"),
    ]
    told = [part for part in parts if not part.startswith("0 ")]
    return ", ".join(filter(None, [*told, _reservation(run)])) if told else summary.headline


def _missed(run: Run) -> int:
    objectives = sum(not objective.met for load in run.loads if missed(load) for objective in load.objectives)
    return objectives + len(broken_under_load(run))


def _reservation(run: Run) -> str:
    if not run.complete:
        return "cut short"
    return "some checks alone" if _narrowed(run) else ""


def _narrowed(run: Run) -> bool:
    words = run.header.command.partition(" -- ")[0].split()
    return any(word.partition("=")[0] == "--only" for word in words)


def _colour(run: Run) -> str:
    summary = digest(run)
    if summary.standing == "failed":
        return "red"
    if summary.standing != "passed" or not run.complete or _narrowed(run):
        return "lightgrey"
    excused = any(summary.severities.get(name) for name in ("warning", "known", "fault"))
    return "yellow" if excused else "brightgreen"


def render_endpoint(run: Run) -> str:
    """Return the badge in the form that shields.io fetches (shields.io/badges/endpoint-badge)."""
    badge = badge_of(run)
    told = {
        "schemaVersion": 1,
        "label": badge.label,
        "message": badge.message,
        "color": badge.colour,
        "isError": badge.colour == "red",
        "cacheSeconds": _CACHE,
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{spoken}">
<title>{title}</title>
<clipPath id="round"><rect width="{width}" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)">
<rect width="{left}" height="20" fill="#444"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/>
</g>
<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{left_middle}" y="14" textLength="{left_text}">{label}</text>
<text x="{right_middle}" y="14" textLength="{right_text}">{message}</text>
</g>
</svg>
"""


def render_svg(run: Run) -> str:
    """Return the badge as a picture that needs nothing from elsewhere."""
    badge = badge_of(run)
    left_text, right_text = _width(badge.label), _width(badge.message)
    left, right = left_text + 12, right_text + 12
    return _SVG.format(
        width=left + right,
        left=left,
        right=right,
        left_text=left_text,
        right_text=right_text,
        left_middle=left / 2,
        right_middle=left + right / 2,
        colour=_COLOURS[badge.colour],
        label=html.escape(badge.label),
        message=html.escape(badge.message),
        spoken=html.escape(f"{badge.label}: {badge.message}"),
        title=html.escape(badge.title),
    )


_NARROW, _WIDE = frozenset("iljtfrI.,:;|!'()[] "), frozenset("mwMW@%")


def _width(text: str) -> int:
    """Return about how wide a text is in the letters of badges, in pixels; `textLength` makes it exactly so."""
    return round(sum(4.2 if letter in _NARROW else 10.2 if letter in _WIDE else 7.0 for letter in text)) or 1
