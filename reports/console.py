"""A run in a terminal: what is wrong first, then what could not be judged, tables, and the verdict as the last line.

Texts of the run are shown as plain `Text`, never as markup, with everything that a terminal would obey written out.
Lines to be copied are never broken.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports.baseline import Known
from reports.console_summary import IN_FULL, STYLES, print_blocked, print_failures, print_hint
from reports.console_tables import load_tables, tally_table
from reports.digest import Blockage, Digest, code_of, count_of, describe_places, digest, strongest, why_inconclusive
from reports.digest import Group as Failure
from reports.rows import Direction, Finding, WireEntry
from reports.store import Run
from reports.text import shorten, visible
from reports.units import duration

_STANDING_STYLES = {
    "failed": "bold red",
    "passed": "bold green",
    "inconclusive": "yellow",  # bold, it is too light for a white background
    "fault": "bold magenta",
}
_STANDING_WORDS = {
    "failed": "FAILED",
    "passed": "PASSED",
    "inconclusive": "INCONCLUSIVE",
    "fault": "FAULT OF TOUCHSTONE",
}

_WIRE_ENTRIES = 6
_WIRE_CHARACTERS = 320
_TEXT_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class _Marks:
    """Signs for directions, and what parts the pieces of a line."""

    directions: dict[Direction, str]
    dot: str


_SIGNS = _Marks({"sent": "→", "received": "←", "stderr": "err", "process": "•"}, "·")
_PLAIN_SIGNS = _Marks({"sent": "->", "received": "<-", "stderr": "err", "process": "*"}, "-")


def render_console(run: Run, console: Console, verbose: bool = False) -> None:
    """Print `run`: the worst failures with their evidence, everything else in as few lines as a screen has.

    `verbose` shows every failure with every wire entry, whole, also of those that are known, and names every check
    that is blocked.
    """
    summary = digest(run)
    look = _Look(_signs(console), verbose)
    _print_header(run, console, look.signs)
    wrong = (*summary.failures, *summary.faults)
    for failure in wrong if verbose else wrong[:IN_FULL]:
        console.print()
        _print_failure(run, failure, console, look)
    if not verbose:
        print_failures(summary, console, load=bool(run.loads))
    if summary.known or summary.stale:
        console.print()
        _print_known(run, summary, console, look)
    if summary.blocked:
        console.print()
        if verbose:
            _print_blocked(summary, console)
        else:
            print_blocked(summary, console, load=bool(run.loads))
    _print_tables(run, summary, console)
    console.print()
    if not verbose:
        print_hint(summary, console)
    _print_verdict(run, summary, console, look.signs)


def render_verdict(run: Run, console: Console) -> None:
    """Print the verdict on `run` alone, in a line; with the reason where there is none, for nothing else tells it."""
    summary, why = digest(run), why_inconclusive(run)
    if why:
        summary = replace(summary, headline=f"{summary.headline}: {_prose(' '.join(why.split()))}")
    _print_verdict(run, summary, console, _signs(console))


def failures_to_text(run: Run, width: int = 100) -> str:
    """Return what `render_console` says of the failures of `run`, and nothing else of it."""
    out = StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    summary = digest(run)
    for failure in (*summary.failures, *summary.faults, *summary.known):
        _print_failure(run, failure, console, _Look(_SIGNS, verbose=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def to_text(run: Run, width: int = 100) -> str:
    """Return what `render_console` prints where there are no colours."""
    out = StringIO()
    render_console(run, Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _signs(console: Console) -> _Marks:
    return _SIGNS if console.encoding.lower().startswith("utf") else _PLAIN_SIGNS


def _print_tables(run: Run, summary: Digest, console: Console) -> None:
    tallies = (tally_table(summary),) if summary.tallies else ()
    for table in (*tallies, *load_tables(run.loads)):
        console.print()
        console.print(table)


@dataclass(frozen=True, slots=True)
class _Look:
    """How failures are shown."""

    signs: _Marks
    verbose: bool


def _print_header(run: Run, console: Console, signs: _Marks) -> None:
    header = run.header
    name = visible(header.target.implementation or header.target.name)
    console.print(Text.assemble((f"Touchstone {visible(header.touchstone)}", "bold"), f" {signs.dot} ", (name, "bold")))
    console.print(Text(visible(header.command), "dim"), soft_wrap=True)


def _print_failure(run: Run, failure: Failure, console: Console, look: _Look) -> None:
    judged, style = failure.first, STYLES[failure.severity]
    said = judged.summary or judged.title
    title = Table.grid(padding=(0, 1, 0, 0))
    title.add_row(Text(failure.severity, style), Text(_prose(said), "bold"))
    console.print(title)
    where = f" {look.signs.dot} {describe_places(failure.places, run.header.revisions)}"
    console.print(Padding(Text.assemble((visible(judged.check), style), (visible(where), "dim")), (0, 0, 0, 2)))
    console.print(Padding(_facts(failure, look), (0, 0, 0, 2)))
    if judged.repeat:
        console.print(Text.assemble(("  repeat    ", "dim"), visible(judged.repeat)), soft_wrap=True)


def _facts(failure: Failure, look: _Look) -> Table:
    judged = failure.first
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, min_width=8)
    grid.add_column(overflow="fold")
    for label, value in _labelled(failure):
        grid.add_row(label, value)
    wire = judged.conversation if isinstance(judged, Finding) and judged.conversation else judged.evidence
    if wire:
        grid.add_row("wire", Group(*_wire(wire, look)))
    return grid


def _labelled(failure: Failure) -> Iterator[tuple[str, Text]]:
    judged = failure.first
    rule = strongest(judged)
    if rule is not None:
        yield "rule", Text.assemble((f"{rule.level} ", "bold"), _prose(rule.text), (f" ({visible(rule.page)})", "dim"))
    if isinstance(judged, Finding):
        yield "property", Text(_prose(judged.property))
    if judged.expected:
        yield "expected", Text(_prose(judged.expected), "green")
    if judged.actual:
        yield "actual", Text(_prose(judged.actual), "red")
    for other in failure.also:
        yield "also", Text.assemble((visible(other.first.check), "bold"), f": {_prose(other.first.title)}")
    if failure.listed is not None:
        word = "known" if failure.severity == "known" else "expired"
        yield word, Text(_known(failure.listed))
    if judged.cause:
        yield "cause", Text(_prose(judged.cause))
    if isinstance(judged, Finding):
        again = "happened again when repeated" if judged.confirmed == "confirmed" else "did not happen again (flaky)"
        yield "seed", Text(again if judged.seed is None else f"{judged.seed}, {again}")


def _wire(entries: tuple[WireEntry | str, ...], look: _Look) -> Iterator[RenderableType]:
    """The last entries: a failure shows in how a conversation ends."""
    shown = entries if look.verbose else entries[-_WIRE_ENTRIES:]
    if len(shown) < len(entries):
        yield Text(count_of(len(entries) - len(shown), "earlier entry", "earlier entries"), "dim")
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style="dim", no_wrap=True, justify="right")
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for entry in shown:
        if isinstance(entry, str):
            grid.add_row("", look.signs.directions["sent"], Text(_excerpt(entry, look)))
        else:
            grid.add_row(f"{entry.at:.3f} s", look.signs.directions[entry.direction], _wire_text(entry, look))
    yield grid


def _wire_text(entry: WireEntry, look: _Look) -> Text:
    text = Text(_excerpt(entry.text, look))
    if entry.truncated:
        text.append(f" ... {entry.truncated:,} more bytes", "dim")
    if entry.note:
        text.append(f" [{_prose(entry.note)}]", "italic")
    return text


def _excerpt(text: str, look: _Look) -> str:
    return visible(text if look.verbose else shorten(text, _WIRE_CHARACTERS))


def _prose(text: str) -> str:
    return visible(shorten(text, _TEXT_CHARACTERS))


def _print_known(run: Run, summary: Digest, console: Console, look: _Look) -> None:
    for failure in summary.known if look.verbose else ():
        _print_failure(run, failure, console, look)
        console.print()
    if summary.known and not look.verbose:
        console.print(Text("known failures", "bold"))
    for failure in () if look.verbose else summary.known:
        where = f" {look.signs.dot} {describe_places(failure.places, run.header.revisions)}"
        console.print(Text.assemble("  ", (visible(failure.first.check), STYLES["known"]), (visible(where), "dim")))
        if failure.listed is not None:
            console.print(Padding(Text(_known(failure.listed)), (0, 0, 0, 4)))
    if summary.stale:
        console.print(Text("listed in the baseline, but nothing of it failed: remove the entries", "bold red"))
    for entry in summary.stale:
        console.print(Text(f"  {visible(' '.join(filter(None, [entry.check, entry.place])))}"))


def _known(entry: Known) -> str:
    """Return what the baseline says of a failure."""
    until = f"until {entry.expires}" if entry.expires else ""
    return _prose(", ".join(filter(None, [entry.reason or "no reason is given", entry.link, until])))


def _print_blocked(summary: Digest, console: Console) -> None:
    console.print(Text("not judged, and what would change that", "bold"))
    for blockage in summary.blocked:
        console.print(Padding(Group(*_blockage(blockage)), (0, 0, 0, 2)))


def _blockage(blockage: Blockage) -> Iterable[Text]:
    yield Text(_prose(blockage.cause))
    names = ", ".join(map(visible, blockage.checks))
    yield Text(f"  {count_of(len(blockage.checks), 'check', 'checks')}: {names}", "dim")


def _print_verdict(run: Run, summary: Digest, console: Console, signs: _Marks) -> None:
    style = _STANDING_STYLES[summary.standing]
    parts = [f" {summary.headline}"]
    if run.footer is None:
        parts.append("the records end before the run did")
    else:
        early = [] if run.footer.complete else ["interrupted" if run.footer.interrupted else "could not go on"]
        parts.extend(early)
        parts.append(duration(run.footer.seconds))
    # Chance had a part in the findings alone; whoever wants them again needs its seed.
    parts.extend([f"seed {run.header.seed}"] if run.findings and run.header.seed is not None else [])
    parts.append(f"exit {code_of(run)}")
    console.print(Text.assemble((_STANDING_WORDS[summary.standing], style), f" {signs.dot} ".join(parts)))
