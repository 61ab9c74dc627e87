"""`python -m loadtest.benchmarks.comparison [--cache DIR] [--quick] [--output docs/benchmarks] [--anyway]`.

Puts the servers of several libraries under the same load, keeps what was found in OUTPUT/comparison.jsonl, and renders
it: charts into OUTPUT/*.svg, tables into the page OUTPUT.md, between its markers. `--render` renders what was found
before. A whole run takes about twelve minutes, a quick one three.

Exit codes: 0 done, 2 wrong usage, 3 the machine was too busy: nothing was written (--anyway writes all the same).
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from loadtest.benchmarks.comparison.cases import LIBRARIES, MODES, QUICK
from loadtest.benchmarks.comparison.first_call import LacksError
from loadtest.benchmarks.comparison.measuring import Case, Lengths, calibrated, measure, others_at_rest
from loadtest.benchmarks.comparison.page import publish
from loadtest.benchmarks.comparison.results import About, Lacking, Results, Row, Run, read, write
from loadtest.benchmarks.environments import Environments, default_cache
from loadtest.benchmarks.machine import MEASURED
from loadtest.benchmarks.rounds import BUSY
from loadtest.benchmarks.traffic import WrongAnswerError
from loadtest.run import LoadError

_ROUNDS = ((0.5, 0.9), (0.75, 1.1))
"""The rates of each round, as shares of what the closed loop made."""
_QUICK_ROUNDS = ((0.75,),)
_DISTURBED = 0.25
"""No figures where more than this share of the loads was disturbed."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and publish, or publish what was measured."""
    options = _parser().parse_args(arguments)
    records = options.output / "comparison.jsonl"
    if options.render:
        publish(read(records), options.output)
        return 0
    resting = others_at_rest()
    if resting is not None and resting > BUSY and not options.anyway:
        sys.stderr.write(f"the machine is busy: others take {resting:.0%} of a core (allowed: {BUSY:.0%})\n")
        return 3
    results = _measured(options)
    about = results.about
    if about.disturbed > _DISTURBED and not options.anyway:
        sys.stderr.write(f"the machine was busy during {about.disturbed:.0%} of the loads: nothing was written\n")
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    write(records, results.rows)
    publish(results, options.output)
    return 0


def _measured(options: argparse.Namespace) -> Results:
    began, date = time.monotonic(), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    environments = Environments(options.cache)
    rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    lengths = (
        Lengths(closed=1.0, open=1.0, longest=2.0, churn=0.8, warm_up=0.2, idle=100) if options.quick else Lengths()
    )
    cases = _cases(environments, options)
    rates = {transport: calibrated(transport) for transport in ("http", "stdio")}
    lacking: list[Row] = []
    for number, shares in enumerate(rounds, 1):
        for case in list(cases):
            case.calibrated = rates[case.mode.transport]
            missing = _one(case, number, shares, lengths)
            if missing is not None and not case.rows:
                cases.remove(case)
                lacking.append(missing)
    rows = [*lacking, *(row for case in cases for row in case.rows)]
    return Results((_about(rows, date, time.monotonic() - began, (options.quick, len(rounds)), rates), *rows))


def _cases(environments: Environments, options: argparse.Namespace) -> list[Case]:
    """Return all cases, mode by mode, so that libraries take turns in each. Installs what is not there yet."""
    modes = [mode for mode in MODES if not options.quick or mode.name in QUICK]
    wanted = [
        (library, mode) for mode in modes for library in LIBRARIES if options.only in f"{library.name} {mode.name}"
    ]
    cases = [Case(library, mode, environments) for library, mode in wanted]
    for case in cases:
        _ = case.command
    return cases


def _one(case: Case, number: int, shares: Sequence[float], lengths: Lengths) -> Lacking | None:
    """Measure a case; return what it lacks, if it does."""
    began, (library, mode) = time.monotonic(), case.names
    try:
        measure(case, number, shares, lengths)
    except (LacksError, LoadError, OSError, WrongAnswerError) as lack:
        sys.stderr.write(f"round {number}, {mode}, {library}: -: {lack}\n")
        return Lacking(library=library, mode=mode, why=str(lack))
    closed = next(row for row in reversed(case.rows) if isinstance(row, Run) and row.model == "closed")
    took = time.monotonic() - began
    sys.stderr.write(f"round {number}, {mode}, {library}: {closed.throughput:,.0f} calls/s, in {took:.1f} s\n")
    return None


def _about(rows: Iterable[Row], date: str, seconds: float, how: tuple[bool, int], rates: dict[str, float]) -> About:
    others = [row.others for row in rows if isinstance(row, Run) and row.others is not None]
    quick, rounds = how
    return About(
        date=date,
        seconds=round(seconds, 1),
        quick=quick,
        rounds=rounds,
        machine=_machine(),
        cores=psutil.cpu_count() or 1,
        pinned=MEASURED is not None,
        python=platform.python_version(),
        node=_node(),
        versions={each.name: each.version or _own_version() for each in LIBRARIES},
        calibrated=rates,
        others=round(median(others), 4) if others else None,
        disturbed=round(sum(each > BUSY for each in others) / len(others), 3) if others else 0.0,
    )


def _machine() -> str:
    """Return what the processor calls itself, and the system."""
    named = ""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        named = platform.processor()
    return f"{named or platform.machine()}, {platform.system()} {platform.machine()}"


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        return "none"
    return subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()  # noqa: S603 - Node


def _own_version() -> str:
    import importlib.metadata

    return importlib.metadata.version("mcp-touchstone")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.benchmarks.comparison",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where the libraries are installed")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="the folder of the figures")
    parser.add_argument("--quick", action="store_true", help="three modes, one round, short loads")
    parser.add_argument("--anyway", action="store_true", help="go on, and write, on a busy machine")
    parser.add_argument("--render", action="store_true", help="render what was found before; measure nothing")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in 'LIBRARY MODE' alone")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
