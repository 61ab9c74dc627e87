"""A run as workflow commands of GitHub Actions: what is wrong appears beside the job, and in the file that is run.

GitHub shows ten annotations of a level for a step and drops the rest without a word. So the worst come first, and
where there are more, the tenth says how many (docs.github.com/actions/reference/workflow-commands).
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from reports.digest import Digest, Group, count_of, describe_places, digest, strongest
from reports.severity import Severity, missed, stale
from reports.source import source_of
from reports.store import Run
from reports.text import shorten, visible

__all__ = ["render_annotations"]

Command = Literal["error", "warning", "notice"]

_SHOWN = 10
_CHARACTERS = 2000
_TITLE = 200
_COMMANDS: dict[Severity, Command] = {
    "violation": "error",
    "fault": "error",
    "warning": "warning",
    "note": "notice",
}


def render_annotations(run: Run) -> str:
    """Return the commands, one a line; the empty text where nothing is wrong."""
    summary = digest(run)
    by_level: dict[Command, list[str]] = {"error": [], "warning": [], "notice": []}
    for group in (*summary.failures, *summary.faults):
        level = _COMMANDS[group.severity]
        by_level[level].append(_command(run, level, _title(group), _text(run, group)))
    by_level["error"] += [_command(run, "error", title, text) for title, text in _others(run)]
    by_level["notice"] += [_command(run, "notice", "Touchstone", text) for text in _notices(run, summary)]
    lines = [line for level, commands in by_level.items() for line in _limited(run, level, commands)]
    return "".join(f"{line}\n" for line in lines)


def _title(group: Group) -> str:
    return f"{group.severity}: {group.first.check}"


def _text(run: Run, group: Group) -> str:
    judged = group.first
    rule = strongest(judged)
    lines = [
        judged.summary or judged.title,
        describe_places(group.places, run.header.revisions),
        f"rule: {rule.level} {rule.text} ({rule.page})" if rule else "",
        f"expected: {judged.expected}" if judged.expected else "",
        f"actual: {judged.actual}" if judged.actual else "",
        *(f"also: {other.first.check}" for other in group.also),
        f"repeat: {judged.repeat}" if judged.repeat else "",
    ]
    return "\n".join(filter(None, lines))


def _others(run: Run) -> Iterator[tuple[str, str]]:
    """What makes a run fail beside what was judged."""
    for load in filter(missed, run.loads):
        for objective in load.objectives:
            if not objective.met:
                yield (
                    "missed objective",
                    objective.text if objective.operation else f"{load.operation}: {objective.text}",
                )
    for load in run.loads:
        for judged in load.judgements:
            if judged.holds is False:
                yield f"under load: {judged.name}", judged.explanation
    for entry in stale(run):
        yield "stale entry of the baseline", f"{entry.check} {entry.place}".rstrip()


def _notices(run: Run, summary: Digest) -> Iterator[str]:
    if summary.standing == "inconclusive" or not run.complete:
        yield f"{summary.headline}: this run is no proof that the target is right"
    if summary.known:
        yield f"{count_of(len(summary.known), 'known failure does', 'known failures do')} not count"


def _limited(run: Run, level: Command, commands: list[str]) -> Iterable[str]:
    if len(commands) <= _SHOWN:
        return commands
    rest = len(commands) - _SHOWN + 1
    return [*commands[: _SHOWN - 1], _command(run, level, "Touchstone", f"{rest} more of this level: see the report")]


def _command(run: Run, level: Command, title: str, text: str) -> str:
    place = source_of(run.header.target)
    file = f"file={_value(place)},line=1," if place is not None else ""
    return f"::{level} {file}title={_value(shorten(title, _TITLE))}::{_data(shorten(text, _CHARACTERS))}"


def _data(text: str) -> str:
    """Escape a message: it ends at the end of the line."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    """Escape a value: it also ends at a comma or colon."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
