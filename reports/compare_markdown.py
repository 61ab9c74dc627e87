"""A comparison in Markdown, for a job's summary or a comment: the verdict first, nothing of a target obeyed."""

from collections.abc import Iterator

from reports.compare_words import FIGURES, conclusion, figures_of, side_in_words
from reports.comparison import Comparison, VerdictChange
from reports.markdown_text import code, prose, table
from reports.text import shorten

__all__ = ["comparison_markdown"]

_SAID = 300
_ROWS = 100


def comparison_markdown(found: Comparison) -> str:
    """Return a comparison as Markdown."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Comparison) -> Iterator[str]:
    mark = "❌" if found.worse else "✅" if found.conclusive else "⚪"
    yield f"## {mark} {prose(conclusion(found))}\n"
    for name, side in (("A", found.before), ("B", found.after)):
        yield f"- **{name}** {prose(side_in_words(side))}"
    yield from (f"- {prose(note)}" for note in found.notes)
    if found.verdicts:
        yield "\n### Verdicts\n"
        yield from _cut([_verdict_line(each) for each in found.verdicts])
    if found.surface:
        yield "\n### Advertised\n"
        yield from _cut(
            [
                f"- {'**breaking**' if each.breaking else 'harmless'} {code(each.subject)}: {prose(each.change)}"
                for each in found.surface
            ]
        )
    for load in found.loads:
        yield f"\n### Load: {prose(load.scenario)}, {prose(load.operation)}\n"
        yield from (f"- not compared: {prose(reason)}" for reason in load.refused)
        if load.measures:
            yield table(FIGURES, [figures_of(each) for each in load.measures])
        for each in load.objectives:
            yield f"\n- {'✅ met' if each.after else '❌ missed'} now: {code(each.text)}"


def _verdict_line(each: VerdictChange) -> str:
    places = prose("; ".join(each.places))
    said = f": {prose(shorten(each.summary, _SAID))}" if each.summary else ""
    return f"- **{each.kind}** {each.level} {code(each.check)}, {places}{said}"


def _cut(lines: list[str]) -> Iterator[str]:
    yield from lines[:_ROWS]
    if len(lines) > _ROWS:
        yield f"- and {len(lines) - _ROWS:,} more"
