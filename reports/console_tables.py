"""The tables of the terminal: outcomes by place, and load."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.console_curve import curve_table
from reports.digest import Digest
from reports.load_notes import notes_of
from reports.rows import Load, LoadJudgement, ObjectiveResult, Outcome
from reports.text import shorten, visible
from reports.units import asked_for, figures, milliseconds, percentiles, share, throughput

_COLUMNS: dict[Outcome, tuple[str, str]] = {
    "passed": ("passed", "green"),
    "failed": ("failed", "red"),
    "inapplicable": ("n/a", "dim"),
    "blocked": ("blocked", "yellow"),
    "broken": ("broken", "magenta"),
}


_JUDGED: dict[bool | None, tuple[str, str]] = {
    True: ("holds", "green"),
    False: ("broken", "bold red"),
    None: ("not judged", "yellow"),
}
_WIRE_CHARACTERS = 320
_LATENCIES = ("p50", "p90", "p99", "p99.9", "p99.99", "max")
_LAYOUTS = (
    (_LATENCIES, 20, 1),
    (_LATENCIES, 20, 0),
    (_LATENCIES, 12, 0),
    (("p50", "p99", "p99.9", "p99.99", "max"), 12, 0),
    (("p50", "p99", "p99.9", "max"), 12, 0),
    (("p50", "p99", "max"), 12, 0),
    (("p50", "p99"), 8, 0),
)
"""Which latencies are shown, how wide the name is at least, and what pads a column: the first that fits is taken, for a
figure that is cut says something else, and all of them are in the report."""


def tally_table(summary: Digest) -> Table:
    """Return how many of each outcome there are, one line a revision and transport."""
    table = _table()
    table.add_column("revision")
    table.add_column("transport")
    for name, _ in _COLUMNS.values():
        table.add_column(name, justify="right")
    for tally in summary.tallies:
        numbers = [_number(tally.counts[outcome], style) for outcome, (_, style) in _COLUMNS.items()]
        table.add_row(Text(visible(tally.place.revision)), Text(visible(tally.place.transport)), *numbers)
    return table


def load_tables(loads: Iterable[Load]) -> Iterator[RenderableType]:
    """Yield the latencies of each scenario, with its objectives and whatever spoils the measurement beneath."""
    by_scenario: dict[str, list[Load]] = {}
    for load in loads:
        by_scenario.setdefault(load.scenario, []).append(load)
    for scenario, together in by_scenario.items():
        notes = Table.grid(padding=(0, 2, 0, 0))
        notes.add_column(no_wrap=True)
        notes.add_column(overflow="fold")
        notes.add_column(overflow="fold")
        for said, operations, why in _together(together):
            notes.add_row(said, Text(visible(operations), "dim"), why)
        curves = [curve_table(load) for load in together if load.curve]
        yield Group(Text(f"load: {visible(scenario)}", "bold"), *curves, _latencies(together), notes)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """The first of several tables that fits the width, each with that which it needs; the last where none does."""

    tables: tuple[tuple[int, Table], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        fitting = (table for needed, table in self.tables if needed <= options.max_width)
        yield next(fitting, self.tables[-1][1])


def _latencies(loads: list[Load]) -> _Fitting:
    told = [percentiles(load) for load in loads]
    # The far ones take so many samples that few runs have them.
    there = {name for name in _LATENCIES if any(found.get(name) is not None for found in told)}
    longest = max(len("operation"), *(len(visible(load.operation)) for load in loads))
    layouts = (([name for name in names if name in there], min(width, longest), gap) for names, width, gap in _LAYOUTS)
    return _Fitting(tuple(_latency_table(loads, *layout) for layout in layouts))


def _latency_table(loads: list[Load], latencies: list[str], width: int, gap: int) -> tuple[int, Table]:
    """Return the table, and the width that it needs."""
    names = ("done/s", *latencies, "errors", "samples")
    rows = [_figures_of(load, latencies) for load in loads]
    widths = [max(len(each) for each in column) for column in zip(names, *rows, strict=True)]
    table = _table(gap)
    table.add_column("operation", overflow="fold", min_width=width)
    for name, widest in zip(names, widths, strict=True):
        table.add_column(name, justify="right", no_wrap=True, min_width=widest)
    for load, row in zip(loads, rows, strict=True):
        table.add_row(Text(visible(load.operation)), *row, style="" if load.valid else "dim")
    return width + sum(widths) + len(widths) * (1 + 2 * gap), table


def _figures_of(load: Load, latencies: list[str]) -> list[Text]:
    found = percentiles(load)
    errors = load.counts.failed / load.counts.total if load.counts.total else 0.0
    return [
        Text(figures(throughput(load))),
        *(Text(milliseconds(found.get(name))) for name in latencies),
        Text(share(errors), "red" if errors else ""),
        Text(f"{_samples(load):,}"),
    ]


def _samples(load: Load) -> int:
    return load.counts.total if load.corrected.samples is None else load.corrected.samples


def _together(loads: Sequence[Load]) -> Iterator[tuple[Text, str, Text]]:
    """Yield what is to be said, each once, with the operations that it is said of."""
    said: dict[tuple[str, str], tuple[Text, list[str], Text]] = {}
    for load in loads:
        for word, why in _notes(load):
            said.setdefault((word.plain, why.plain), (word, [], why))[1].append(load.operation)
    for word, operations, why in said.values():
        # What is said of the first row, which adds up the others, is said of them as well.
        yield word, operations[0] if operations[0] == loads[0].operation else "\n".join(operations), why


def _notes(load: Load) -> Iterator[tuple[Text, Text]]:
    """Yield what is to be said of an operation, each with one word before it."""
    if not load.valid:
        reasons = load.generator.reasons if load.generator else ()
        why = "; ".join(reasons) or "the generator was the limit"
        yield Text("no result", "yellow"), Text(f"{asked_for(load)}: {visible(why)}")
    else:
        yield from map(_objective, load.objectives)
    for judged in load.judgements:
        yield from _judged(judged)
    for word, said in notes_of(load):
        yield Text(word, "dim"), Text(visible(said))
    if load.errors:
        classes = sorted(load.errors.items(), key=lambda item: -item[1])
        yield Text("errors", "red"), Text(", ".join(f"{count:,} {visible(name)}" for name, count in classes))


def _objective(objective: ObjectiveResult) -> tuple[Text, Text]:
    measured = (
        "not measured" if objective.measured is None else f"{figures(objective.measured)} {visible(objective.unit)}"
    )
    margin = "" if objective.margin is None or not objective.met else f", {share(objective.margin)} left"
    verdict = Text("met", "green") if objective.met else Text("missed", "bold red")
    return verdict, Text(f"{visible(objective.text)}: {measured}{margin}")


def _judged(judged: LoadJudgement) -> Iterator[tuple[Text, Text]]:
    word, style = _JUDGED[judged.holds]
    yield Text(word, style), Text(f"{visible(judged.name)}: {visible(judged.explanation)}")
    for entry in judged.evidence if judged.holds is False else ():
        text = f"{entry.at:.3f} s {entry.direction} {shorten(entry.text, _WIRE_CHARACTERS)}"
        yield Text(""), Text(visible(f"{text} [{entry.note}]" if entry.note else text), "dim")


def _number(count: int, style: str) -> Text:
    return Text(f"{count:,}", style) if count else Text("-", "dim")


def _table(gap: int = 1) -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap), header_style="dim")
