"""One failure in plain lines, as a reader of a log wants it: rule, expected, actual, the wire, how to repeat it."""

from collections.abc import Iterator

from reports.digest import strongest
from reports.rows import Direction, Finding, Judgement, WireEntry
from reports.text import shorten, visible

__all__ = ["entry_line", "facts", "story", "wire", "wire_lines"]

_CHARACTERS = 4000
_WIRE_ENTRIES = 20
_ARROWS: dict[Direction, str] = {"sent": "->", "received": "<-", "stderr": "err", "process": "*"}


def story(judgement: Judgement) -> str:
    """Return a failure with all that shows it, one labelled line after another."""
    lines = [*facts(judgement), *(("wire", line) for line in wire_lines(judgement)), ("repeat", judgement.repeat)]
    return "\n".join(f"{label:<9} {visible(shorten(text, _CHARACTERS))}" for label, text in lines if text)


def facts(judgement: Judgement) -> Iterator[tuple[str, str]]:
    """Yield what there is to say beside wire and command, each with its label; texts may be empty."""
    yield "check", judgement.title
    rule = strongest(judgement)
    if rule is not None:
        yield "rule", f"{rule.level} {rule.text} ({rule.page})"
    yield "expected", judgement.expected
    yield "actual", judgement.actual
    if isinstance(judgement, Finding):
        again = "" if judgement.confirmed == "confirmed" else "did not happen again when it was repeated"
        yield "property", judgement.property if judgement.property != judgement.check else ""
        yield "flaky", again
        yield "seed", "" if judgement.seed is None else str(judgement.seed)


def wire(judgement: Judgement) -> tuple[WireEntry | str, ...]:
    """Return the conversation that shows a failure: of a finding the smallest."""
    return (judgement.conversation if isinstance(judgement, Finding) else ()) or judgement.evidence


def wire_lines(judgement: Judgement, entries: int = _WIRE_ENTRIES) -> list[str]:
    """Return the last entries of the wire, one text each: a failure shows in how a conversation ends."""
    return [entry if isinstance(entry, str) else entry_line(entry) for entry in wire(judgement)[-entries:]]


def entry_line(entry: WireEntry) -> str:
    """Return one thing seen on the wire as a line of text."""
    rest = f" ... {entry.truncated:,} more bytes" if entry.truncated else ""
    note = f" [{entry.note}]" if entry.note else ""
    return f"{entry.at:.3f} s {_ARROWS[entry.direction]} {entry.text}{rest}{note}"
