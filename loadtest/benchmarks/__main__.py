"""`python -m loadtest.benchmarks NAME... [--rounds N] [--seconds S] [--json FILE] [--cache FOLDER]`.

Exit codes: 0 all goals reached, 1 one was missed, 2 wrong usage, 3 the machine was too busy to say.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from rich.console import Console

from loadtest.benchmarks.environments import Environments, default_cache
from loadtest.benchmarks.rounds import Measured, measure
from loadtest.benchmarks.settings import Settings
from loadtest.benchmarks.tables import as_json, show

NAMES = ("http", "sessions", "progress", "stdio", "start", "memory", "client", "soak")
"""Each is a module of this package with `benchmarks(settings)`, which returns what to measure."""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that were named."""
    options = _parser().parse_args(arguments)
    settings = Settings(Environments(options.cache), options.seconds)
    console, done = Console(), []
    for name in options.names:
        for benchmark in importlib.import_module(f"loadtest.benchmarks.{name}").benchmarks(settings):
            if options.only in benchmark.title:
                done.append(measure(benchmark, options.rounds, _tell))
                show(console, done[-1])
    if options.json is not None:
        options.json.write_text(json.dumps([as_json(one) for one in done], indent=1) + "\n")
    return _exit(done)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is measured")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a throughput is measured")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has TEXT in its title")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where the peers are kept")
    return parser


def _exit(done: list[Measured]) -> int:
    if any(one.busy for one in done):
        return 3
    return 0 if all(one.met for one in done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
