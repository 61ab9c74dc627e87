"""What was found, as tables in Markdown. A library that lacks a mode has a dash in each column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from loadtest.benchmarks.comparison.cases import LIBRARIES, Library, Mode
from loadtest.benchmarks.comparison.results import About, Lacking, Results, Run
from reports.units import figures, milliseconds

__all__ = ["conditions", "curve_table", "lacking_notes", "sessions_table", "starts_table", "throughput_table", "titled"]

LIMITED = "†"
"""Marks what the generator limited: the server can do at least that."""
DASH = "-"


def throughput_table(results: Results, mode: Mode) -> str:
    """Return the closed loop of each library: how much it does, what that costs."""
    heads = ("", "calls/s", "p50", "p99", "p99.9", "CPU s a thousand calls", "RSS MiB", "threads", "errors")
    return _table(heads, (_throughput(results, each, mode) for each in LIBRARIES))


def _throughput(results: Results, library: Library, mode: Mode) -> list[str]:
    runs = [run for run in results.runs(library.name, mode.name) if run.model == "closed"]
    if not runs:
        return [titled(results, library), *[DASH] * 8]
    rates = [run.throughput for run in runs]
    spread = f" ({min(rates):,.0f}..{max(rates):,.0f})" if len(rates) > 1 else ""
    return [
        titled(results, library),
        f"{median(rates):,.0f}{_mark(runs)}{spread}",
        *(_middle(runs, read, milliseconds) for read in _PERCENTILES),
        _middle(runs, lambda run: run.cpu, lambda value: f"{value:.3f}"),
        _middle(runs, lambda run: run.rss_mib, figures),
        _middle(runs, lambda run: run.threads, lambda value: f"{value:.0f}"),
        _errors(runs),
    ]


_PERCENTILES: tuple[Callable[[Run], float | None], ...] = (
    lambda run: run.p50,
    lambda run: run.p99,
    lambda run: run.p99_9,
)


def curve_table(results: Results, mode: Mode) -> str:
    """Return the open model: each library at shares of what its own closed loop made."""
    heads = ("", "asked for", "answered", "p50", "p99", "p99.9", "uncorrected p99", "errors")
    rows = (row for library in LIBRARIES for row in _curve(results, library, mode))
    return _table(heads, rows)


def _curve(results: Results, library: Library, mode: Mode) -> Iterable[list[str]]:
    runs = sorted(open_runs(results, library, mode), key=lambda run: run.rate or 0.0)
    if not runs:
        yield [titled(results, library), *[DASH] * 7]
    for number, run in enumerate(runs):
        yield [
            "" if number else titled(results, library),
            f"{run.rate or 0.0:,.0f}/s",
            f"{run.throughput:,.0f}/s{_mark([run])}",
            *(milliseconds(read(run)) for read in _PERCENTILES),
            milliseconds(run.uncorrected_p99),
            _errors([run]),
        ]


def open_runs(results: Results, library: Library, mode: Mode) -> list[Run]:
    """Return the loads at a rate."""
    return [run for run in results.runs(library.name, mode.name) if run.model == "open"]


def starts_table(results: Results, modes: Sequence[Mode]) -> str:
    """Return how long a process takes to its first answered call."""

    def row(library: Library) -> list[str]:
        found = (results.starts(library.name, mode.name) for mode in modes)
        return [titled(results, library), *(milliseconds(median(each)) if each else DASH for each in found)]

    return _table(("", *(mode.title for mode in modes)), map(row, LIBRARIES))


def sessions_table(results: Results, modes: Sequence[Mode]) -> str:
    """Return what sessions take."""
    heads = ("", "replies", "set-up p50", "set-up p99", "sessions/s", "CPU s a thousand", "KiB an idle one", "errors")
    return _table(heads, (_sessions(results, library, mode) for mode in modes for library in LIBRARIES))


def _sessions(results: Results, library: Library, mode: Mode) -> list[str]:
    found, replies = results.sessions(library.name, mode.name), mode.name.rpartition("-")[2].upper()
    if found is None:
        return [titled(results, library), replies, *[DASH] * 6]
    return [
        titled(results, library),
        replies,
        milliseconds(found.set_up_p50),
        milliseconds(found.set_up_p99),
        f"{found.a_second:,.0f}",
        DASH if found.cpu is None else f"{found.cpu:.3f}",
        figures(found.idle_kib),
        f"{found.failed:,}",
    ]


def lacking_notes(results: Results) -> str:
    """Return why there are dashes, a line each."""
    titles = {library.name: titled(results, library) for library in LIBRARIES}
    found = [row for row in results.rows if isinstance(row, Lacking)]
    return "\n".join(f"- {titles[row.library]}, `{row.mode}`: {_quoted(row.why)}" for row in found)


def _quoted(text: str) -> str:
    """Return what a server said so that Markdown leaves it alone."""
    said, _, rest = text.replace("\n", " ").replace("`", "'").partition(": ")
    return f"{said}: `{rest}`" if rest else said


def conditions(about: About) -> str:
    """Return when and on what this was measured."""
    others = "nobody can tell" if about.others is None else f"{about.others:.1%} of a core in the median"
    pinned = "server and generator on a core each" if about.pinned else "nothing pinned to a core"
    lines = [
        f"- {about.date}, {about.machine}, {about.cores} cores, {pinned}; Python {about.python}, Node {about.node}.",
        f"- {'A quick run' if about.quick else 'A whole run'} of {about.seconds:,.0f} s, rounds: {about.rounds}.",
        f"- What others took meanwhile: {others}; {about.disturbed:.0%} of the loads were disturbed (above 8 %).",
        f"- The generator makes, against a server that does nothing: {_calibrated(about)}.",
    ]
    if about.disturbed > _BUSY_SHARE:
        lines.append(
            "- **The machine was busy with other work**: throughput and latencies below are no results, and depend on "
            "whose turn it was. Processor time a call depends on that less, and memory hardly; "
            "for Node it includes compiling, which few calls share."
        )
    return "\n".join(lines)


_BUSY_SHARE = 0.25


def _calibrated(about: About) -> str:
    return ", ".join(f"{rate:,.0f} calls/s over {transport}" for transport, rate in about.calibrated.items())


def titled(results: Results, library: Library) -> str:
    """Return a library's name with its version."""
    return f"{library.title} {results.about.versions.get(library.name, library.version)}"


def _mark(runs: Iterable[Run]) -> str:
    return LIMITED if any(run.limited for run in runs) else ""


def _middle(runs: Iterable[Run], read: Callable[[Run], float | None], say: Callable[[float], str]) -> str:
    values = [value for run in runs if (value := read(run)) is not None]
    return say(median(values)) if values else DASH


def _errors(runs: Sequence[Run]) -> str:
    failed, total = sum(run.failed for run in runs), sum(run.total for run in runs)
    return f"{failed:,} of {total:,}" if failed else "0"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---" if number == 0 else "---:" for number in range(len(heads))], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
