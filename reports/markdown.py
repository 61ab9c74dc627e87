"""A run as Markdown for the summary of a CI job or a comment: the verdict, then what is wrong, folded, then the rest.

Never longer than `LIMIT`: the parts are taken in the order of their weight while there is room, and what found none is
counted. GitHub refuses comments of more than 65,536 characters, and shows no summary of a step beyond 1 MiB.
"""

from collections.abc import Iterable, Iterator

from reports.digest import (
    OUTCOMES,
    Blockage,
    Digest,
    Group,
    Standing,
    code_of,
    count_of,
    describe_places,
    digest,
    ended_early,
    strongest,
)
from reports.load_notes import notes_of
from reports.markdown_text import code, fenced, prose, table
from reports.rows import Load
from reports.store import Run
from reports.story import facts, wire, wire_lines
from reports.text import shorten
from reports.units import asked_for, duration, figures, milliseconds, percentiles, share, throughput

__all__ = ["LIMIT", "render_markdown"]

LIMIT = 60_000
"""Characters, and bytes as well: both limits are kept, whatever the alphabet."""
_RESERVE = 2_000
"""Bytes that the last lines may take."""
_WIRE_CHARACTERS = 1_500
_WIRE_ENTRIES = 12
_CAUSES = 20
_LISTED = 8
_MARKS: dict[Standing, str] = {
    "failed": "❌ Failed",
    "passed": "✅ Passed",
    "inconclusive": "⚪ Inconclusive",
    "fault": "⚠️ Fault of Touchstone",
}


def render_markdown(run: Run) -> str:
    """Return the summary of `run`."""
    summary = digest(run)
    last = "\n".join(_ending(run))
    text, left_out = _fitted([*_verdict(run, summary), *_parts(run, summary)], LIMIT - _RESERVE)
    more = f"\n*{left_out} more parts found no room here; the other reports have all.*\n" if left_out else ""
    return f"{text}{more}\n{last}\n"


def _fitted(parts: Iterable[str], room: int) -> tuple[str, int]:
    """Return as many parts as there is room for, and how many found none; each stands whole or not at all."""
    taken, left_out = [], 0
    for part in parts:
        size = len(part.encode()) + 1
        if size > room:
            left_out += 1
            continue
        room -= size
        taken.append(part)
    return "\n".join(taken), left_out


def _verdict(run: Run, summary: Digest) -> Iterator[str]:
    target = run.header.target
    unproven = summary.standing == "passed" and not run.complete
    yield f"## {_MARKS['inconclusive' if unproven else summary.standing]}: {prose(summary.headline)}\n"
    yield f"{code(target.implementation or target.name)}, {_coverage(summary)}\n"
    if ended := ended_early(run):
        yield f"> {prose(ended.partition(': what follows')[0])}: what is not in here may be wrong too.\n"


def _coverage(summary: Digest) -> str:
    """Say how much of what there was to judge was judged."""
    counts = summary.counts
    judged, open_ = counts["passed"] + counts["failed"], counts["blocked"] + counts["broken"]
    if not sum(counts.values()):
        return "no checks"
    unjudged = f"{open_:,} could not be judged, " if open_ else ""
    not_binding = f"{counts['inapplicable']:,} do not apply to it"
    return f"{judged:,} of {judged + open_:,} judgements made ({counts['passed']:,} passed); {unjudged}{not_binding}"


def _parts(run: Run, summary: Digest) -> Iterator[str]:
    """Everything that can be left out, the weightiest first."""
    for group in (*summary.failures, *summary.faults):
        yield _failure(run, group)
    if run.loads:
        yield _loads(run.loads)
    yield from _objectives(run.loads)
    if len(summary.tallies) > 0:
        yield _tallies(summary)
    if summary.known or summary.stale:
        yield _known(run, summary)
    if summary.blocked:
        yield _blocked(summary.blocked)


def _failure(run: Run, group: Group) -> str:
    judged = group.first
    rule = strongest(judged)
    where = describe_places(group.places, run.header.revisions)
    title = f"<b>{group.severity}</b> {prose(shorten(judged.summary or judged.title, 300))}"
    lines = [f"<details><summary>{title}</summary>\n", f"{code(judged.check)}, {prose(where)}\n"]
    if rule is not None:
        page = f"[{prose(rule.page)}]({rule.url})" if _is_web(rule.url) else prose(rule.page)
        lines.append(f"**{rule.level}** {prose(rule.text)} ({page})\n")
    told = [(label, text) for label, text in facts(judged) if text and label not in ("check", "rule")]
    lines += [f"- **{label}** {code(shorten(text, 1000))}" for label, text in told]
    lines += [f"- **also** {code(other.first.check)} {prose(other.first.title)}" for other in group.also]
    if wire(judged):
        shown = [shorten(line, _WIRE_CHARACTERS) for line in wire_lines(judged, _WIRE_ENTRIES)]
        lines += ["", fenced("\n".join(shown))]
    if judged.repeat:
        lines += ["", fenced(judged.repeat, "sh")]
    return "\n".join([*lines, "\n</details>\n"])


def _is_web(url: str | None) -> bool:
    return url is not None and url.startswith(("https://", "http://")) and not set(url) & set(" <>()\n")


def _tallies(summary: Digest) -> str:
    rows = [
        [f"{place.place.revision} over {place.place.transport}", *(f"{place.counts[name]:,}" for name in OUTCOMES)]
        for place in summary.tallies
    ]
    return "\n".join(["### What was judged where\n", table(["", *OUTCOMES], rows), ""])


def _loads(loads: Iterable[Load]) -> str:
    head = ["operation", "asked for", "completed", "a second", "errors", "p50", "p99", "max", ""]
    rows = []
    for load in loads:
        told = percentiles(load)
        total = load.counts.total
        rows.append(
            [
                load.operation,
                asked_for(load),
                f"{total:,}",
                figures(throughput(load)),
                share(load.counts.failed / total) if total else "-",
                *(milliseconds(told[name]) for name in ("p50", "p99", "max")),
                "" if load.valid else "no result: the generator was the limit",
            ]
        )
    return "\n".join(["### Load\n", table(head, rows), ""])


def _objectives(loads: Iterable[Load]) -> Iterator[str]:
    """The objectives of measurements that say something about the target, notes, and what scenarios judged."""
    for load in loads:
        for objective in load.objectives if load.valid else ():
            measured = "nothing" if objective.measured is None else f"{figures(objective.measured)} {objective.unit}"
            mark = "✅ met" if objective.met else "❌ missed"
            about = code(objective.operation or load.operation)
            yield f"- {mark}: {code(objective.text)} for {about}, measured {prose(measured)}"
        for word, sentence in notes_of(load):
            yield f"- {prose(word)}, {code(load.operation)}: {prose(shorten(sentence, 500))}"
        for judged in load.judgements:
            mark = {True: "✅ holds", False: "❌ does not hold", None: "⚪ not judged"}[judged.holds]
            yield f"- {mark}: {prose(judged.name)}, {prose(shorten(judged.explanation, 500))}"


def _known(run: Run, summary: Digest) -> str:
    lines = [f"### {count_of(len(summary.known), 'known failure', 'known failures')}\n"]
    for group in summary.known:
        reason = group.listed.reason if group.listed is not None else ""
        where = describe_places(group.places, run.header.revisions)
        lines.append(f"- {code(group.first.check)}, {prose(where)}: {prose(reason or 'no reason is given')}")
    lines += [
        f"- {code(entry.check)} {prose(entry.place)} is listed in the baseline, but nothing of it failed: remove it"
        for entry in summary.stale
    ]
    return "\n".join([*lines, ""])


def _blocked(blocked: tuple[Blockage, ...]) -> str:
    count = sum(len(blockage.checks) for blockage in blocked)
    lines = [
        f"<details><summary>Not judged: {count_of(count, 'check', 'checks')}, and what would change that</summary>\n"
    ]
    for blockage in blocked[:_CAUSES]:
        names = ", ".join(map(code, blockage.checks[:_LISTED]))
        rest = len(blockage.checks) - _LISTED
        lines.append(f"- {prose(shorten(blockage.cause, 500))}: {names}{f' and {rest} more' if rest > 0 else ''}")
    if len(blocked) > _CAUSES:
        lines.append(f"- {len(blocked) - _CAUSES} more causes")
    return "\n".join([*lines, "\n</details>\n"])


def _ending(run: Run) -> Iterator[str]:
    """Who said so, and how: short by construction."""
    header, footer = run.header, run.footer
    took = f" in {duration(footer.seconds)}" if footer is not None else ""
    seed = f", seed {header.seed}" if header.seed is not None else ""
    version = code(shorten(header.touchstone, 100))
    yield f"Touchstone {version}, {header.started:%Y-%m-%d %H:%M} UTC{took}, exit {code_of(run)}{seed}:"
    yield f"{code(shorten(header.command, 400))}"
