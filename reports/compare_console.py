"""A comparison in a terminal: both sides, what stands between them, what differs, and the verdict as the last line."""

from collections.abc import Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from reports.compare_words import FIGURES, conclusion, figures_of, side_in_words
from reports.comparison import Comparison, LoadDifference
from reports.text import shorten, visible

__all__ = ["render_comparison"]

_STYLES = {
    "newly failing": "bold red",
    "newly blocked": "yellow",
    "fixed": "green",
    "breaking": "bold red",
    "worse": "bold red",
    "better": "green",
}
_SAID = 300
_ROWS = 40


def render_comparison(found: Comparison, console: Console) -> None:
    """Print a comparison."""
    for part in _parts(found):
        console.print(part, soft_wrap=isinstance(part, Text))


def _parts(found: Comparison) -> Iterator[RenderableType]:
    for name, side in (("A", found.before), ("B", found.after)):
        yield Text.assemble((f"{name}  ", "bold"), visible(side_in_words(side)))
    for note in found.notes:
        yield Text.assemble(("note  ", "yellow"), visible(note))
    if found.judged_in_both or found.verdicts:
        yield Text.assemble(("\nverdicts", "bold"), f": {found.judged_in_both:,} in both")
        yield _verdicts(found)
    if found.surfaces_in_both:
        yield Text.assemble(("\nadvertised", "bold"), f" at {', '.join(found.surfaces_in_both)}")
        yield _surface(found)
    for load in found.loads:
        yield from _load(load)
    style = "bold red" if found.worse else "bold green" if found.conclusive else "bold yellow"
    yield Text(f"\n{conclusion(found)}", style)


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _verdicts(found: Comparison) -> RenderableType:
    table = _grid()
    for each in found.verdicts[:_ROWS]:
        outcomes = f"{each.before or 'not there'} before, {each.after or 'not there'} now"
        said = f"; {shorten(each.summary, _SAID)}" if each.summary else ""
        text = f"{each.check}: {outcomes}, {'; '.join(each.places)}{said}"
        table.add_row(Text(each.kind, _STYLES.get(each.kind, "dim")), Text(each.level), Text(visible(text)))
    if len(found.verdicts) > _ROWS:
        table.add_row(Text(""), Text(""), Text(f"and {len(found.verdicts) - _ROWS:,} more: --json has all"))
    return table if found.verdicts else Text("no difference")


def _surface(found: Comparison) -> RenderableType:
    table = _grid()
    for each in found.surface[:_ROWS]:
        word = Text("breaking", _STYLES["breaking"]) if each.breaking else Text("harmless", "dim")
        where = "" if each.revisions == found.surfaces_in_both else f" ({', '.join(each.revisions)})"
        table.add_row(word, Text(visible(each.subject)), Text(visible(f"{each.change}{where}")))
    if len(found.surface) > _ROWS:
        table.add_row(Text(""), Text(""), Text(f"and {len(found.surface) - _ROWS:,} more: --json has all"))
    return table if found.surface else Text("no difference")


def _load(load: LoadDifference) -> Iterator[RenderableType]:
    yield Text.assemble(("\nload", "bold"), f": {visible(load.scenario)}, {visible(load.operation)}")
    for reason in load.refused:
        yield Text.assemble(("not compared", "yellow"), f"  {visible(reason)}")
    if load.measures:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="dim")
        for number, name in enumerate(FIGURES):
            inner = 0 < number < len(FIGURES) - 1
            table.add_column(name, justify="right" if inner else "left", no_wrap=inner, overflow="fold")
        for each in load.measures:
            *cells, verdict = figures_of(each)
            table.add_row(*cells, Text(verdict, _STYLES.get(each.verdict, "dim")))
        yield table
    for objective in load.objectives:
        word = ("met now", "green") if objective.after else ("missed now", "bold red")
        yield Text.assemble(word, f"  {visible(objective.text)}")
