"""The steps of a search for capacity in a terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from reports.rows import CurvePoint, Load
from reports.text import visible
from reports.units import figures, milliseconds, share

__all__ = ["curve_table"]


def curve_table(load: Load) -> Table:
    """Return the steps by their rate: what was asked for, what came of it, and whether it met the objectives."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="dim")
    for name in ("asked/s", "done/s", "p50", "p99", "errors", "in flight", "samples"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("objectives", overflow="fold")
    for point in load.curve:
        table.add_row(
            figures(point.rate),
            figures(point.throughput),
            milliseconds(point.p50),
            milliseconds(point.p99),
            share(point.errors),
            figures(point.in_flight),
            f"{point.samples:,}",
            _verdict(point),
            style="" if point.valid else "dim",
        )
    return table


def _verdict(point: CurvePoint) -> Text:
    if not point.valid:
        return Text(f"no result: {visible(point.said)}", "yellow")
    return Text("met", "green") if point.met else Text(f"missed: {visible(point.said)}", "red")
