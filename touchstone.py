"""The door of Touchstone: reads the command line and imports, lazily, what it asks for; little else."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from door.host_options import HostingOptions
from door.options import (
    CheckingOptions,
    ComparingOptions,
    FuzzingOptions,
    LoadOptions,
    MeetingOptions,
    OutputOptions,
    ReportOptions,
    SurveyOptions,
    TargetOptions,
    flattened,
)
from door.profiles import ProfileOptions
from door.scale_options import SafetyOptions, ScaleOptions
from door.serve import app as serving
from door.versus_options import VersusOptions

app = typer.Typer(
    name="touchstone",
    help="Puts Model Context Protocol servers to the test: conformance, property-based testing and load.",
    epilog="touchstone run shows all of it on a server of its own; touchstone init looks at yours.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


_TEST, _RESULTS = "Put to the test", "What came of it"
_CATALOGUE, _REFERENCE = "What is tested, and why", "The reference system"

Lists = Annotated[bool, typer.Option("--list", help="Show the scenarios, and what each needs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RecordsFile = Annotated[Path, typer.Argument(metavar="[RECORDS]", help="A records file, or a folder of them: a trend.")]


@app.command(rich_help_panel=_TEST)
@flattened
def run(  # noqa: PLR0913, PLR0917 - groups of options, each its own
    target: TargetOptions,
    output: OutputOptions,
    checking: CheckingOptions,
    fuzzing: FuzzingOptions,
    load: LoadOptions,
    safety: SafetyOptions,
    profile: ProfileOptions,
) -> int:
    """Check, fuzz and load a server, in one report. With no target: the embedded reference server.

    \b
    touchstone run
    touchstone run --profile quick -- node build/index.js
    """
    from door.commands import run_all

    return run_all(target, output, checking, fuzzing, load, safety, profile)


@app.command(rich_help_panel=_TEST)
@flattened
def check(target: TargetOptions, output: OutputOptions, checking: CheckingOptions) -> int:
    """Judge a server by the specification: real defects, each with its bytes and its rule.

    \b
    touchstone check -- node build/index.js
    touchstone check http://127.0.0.1:3000/mcp --revision 2025-11-25
    """
    from door.commands import run_check

    return run_check(target, output, checking)


@app.command(rich_help_panel=_TEST)
@flattened
def fuzz(target: TargetOptions, output: OutputOptions, checking: CheckingOptions, fuzzing: FuzzingOptions) -> int:
    """Try generated messages and arguments on a server; failures shrink to the smallest conversation."""
    from door.commands import run_fuzz

    return run_fuzz(target, output, checking, fuzzing)


@app.command(rich_help_panel=_TEST)
@flattened
def load(  # noqa: PLR0913, PLR0917 - groups of options, each its own
    target: TargetOptions,
    output: OutputOptions,
    checking: CheckingOptions,
    load: LoadOptions,
    safety: SafetyOptions,
    scaling: ScaleOptions,
    versus: VersusOptions,
    lists: Lists = False,
) -> int:
    """Measure a server's latency and error rate under load that hides no stall.

    \b
    touchstone load http://127.0.0.1:3000/mcp --rate 200 --slo 'p99<100ms'
    touchstone load http://127.0.0.1:3000/mcp --processes 4 --users 200
    touchstone load --scenario churn -- node build/index.js
    touchstone load http://127.0.0.1:3000/mcp --versus http://127.0.0.1:3001/mcp
    touchstone load --list
    """
    if lists:
        from door.scenario_list import list_scenarios

        return list_scenarios()
    from door.commands import run_load

    return run_load(target, output, checking, load, safety, scaling, versus)


@app.command("cost-exporter", rich_help_panel=_TEST)
@flattened
def cost_exporter(
    pid: Annotated[int | None, typer.Option("--pid", metavar="PID", min=1, help="The process, with all it starts.")] = (
        None
    ),
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", min=1, max=65535, help="The process that listens there.")
    ] = None,
    address: Annotated[
        str, typer.Option("--address", metavar="HOST:PORT", help="Where the page is served, at /metrics.")
    ] = "127.0.0.1:9464",
) -> int:
    """Serve what a process costs (processor, memory, descriptors, threads), for load --target-metrics."""
    from door.cost_exporter import export_cost

    return export_cost(pid, port, address)


@app.command(rich_help_panel=_TEST)
@flattened
def client(
    output: OutputOptions,
    checking: CheckingOptions,
    meeting: MeetingOptions,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="The client's, after --.", show_default=False)
    ] = None,
    env: Annotated[list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="Set for the command.")] = (
        None
    ),
) -> int:
    """Judge a client: it is started for each scenario, and given the URL of a scripted server as its last argument.

    \b
    touchstone client -- node build/client.js
    touchstone client --stdio -- python my_client.py
    """
    from door.clients import Meeting, run_client_check

    over = meeting.transport.value if meeting.transport is not None else None
    met = Meeting.of(over, meeting.scenario, stdio=meeting.stdio)
    return run_client_check(command or [], env or [], meeting=met, output=output, checking=checking)


@app.command(rich_help_panel=_TEST)
@flattened
def survey(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The targets, each a [[target]].")],
    survey: SurveyOptions,
    checking: CheckingOptions,
) -> int:
    """Judge many servers and clients, each in a process of its own, and show them in one matrix.

    \b
    touchstone survey targets.toml --jobs 4
    touchstone survey targets.toml --resume
    """
    from door.survey import run_survey

    return run_survey(file, survey, checking)


@app.command(rich_help_panel=_TEST)
@flattened
def init(
    target: TargetOptions,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the settings go.")] = Path(
        "touchstone.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Write it anew.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No live progress.")] = False,
) -> int:
    """Look at a server, write touchstone.toml for it, and say what more settings would let be tested.

    \b
    touchstone init -- node build/index.js
    touchstone init http://127.0.0.1:3000/mcp --token env:TOKEN
    """
    from door.initializing import initialize

    return initialize(target, output, force=force, quiet=quiet)


app.add_typer(
    serving,
    name="serve",
    rich_help_panel=_REFERENCE,
    help="""Serve a reference server: on standard streams, or over Streamable HTTP at /mcp.

    With --transport sse also over HTTP+SSE at /sse, with --transport ws over WebSocket at /ws.
    """,
)


@app.command(rich_help_panel=_REFERENCE)
@flattened
def host(
    file: Annotated[Path, typer.Argument(metavar="mcp.json", help="The servers, in the mcpServers format.")],
    hosting: HostingOptions,
    request: Annotated[
        str | None,
        typer.Argument(metavar="[REQUEST]", help="What is wanted; without it, a prompt.", show_default=False),
    ] = None,
) -> int:
    """Run the reference AI application: servers, a request, a plan, its steps, an answer.

    \b
    touchstone host mcp.json "show the last 3 commits"
    touchstone host mcp.json --plan plan.json --yes --audit audit.jsonl
    """
    from door.host import run_host

    return run_host(file, request, hosting)


@app.command(rich_help_panel=_REFERENCE)
@flattened
def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The log, without the numbers of older files.")],
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="A date, a time, or 90m, 24h, 7d.")] = (
        None
    ),
    verify: Annotated[bool, typer.Option("--verify", help="Say whether it was tampered with.")] = False,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The secret it was sealed with.")] = None,
    known: Annotated[
        str | None, typer.Option("--known", metavar="HASH", help="Of an entry, noted elsewhere, that has to be there.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show who was allowed what, or verify that nobody changed the log."""
    from door.audit import show_audit

    return show_audit(file, since, key, known, verifies=verify, as_json=as_json)


@app.command(rich_help_panel=_RESULTS)
@flattened
def replay(
    failure: Annotated[str, typer.Argument(metavar="ID", help="The id of a recorded check or finding.")],
    records: Annotated[Path, typer.Option("--records", metavar="FILE", help="The run that recorded it.")] = Path(
        ".touchstone/records.jsonl"
    ),
    env: Annotated[list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="Set for the command.")] = (
        None
    ),
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Sent with every request.")
    ] = None,
    token: Annotated[str | None, typer.Option("--token", metavar="TOKEN", help="As for the run.")] = None,
) -> int:
    """Repeat one recorded failure alone, on a fresh connection to the same target."""
    from door.replaying import replay_failure

    return replay_failure(failure, records, env or [], header or [], token)


@app.command("list", rich_help_panel=_CATALOGUE)
@flattened
def list_(
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="Such as 'http.*'.")] = "*",
    as_json: AsJson = False,
) -> int:
    """List the checks, monitors and properties."""
    from door.catalogue import list_checks

    return list_checks(pattern, as_json)


@app.command(rich_help_panel=_CATALOGUE)
@flattened
def explain(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Of a check, a monitor, a property or a requirement.")
    ],
    as_json: AsJson = False,
) -> int:
    """Say what a check verifies, on whose word, and where the specification says it."""
    from door.catalogue import explain_id

    return explain_id(identifier, as_json)


@app.command(rich_help_panel=_CATALOGUE)
@flattened
def coverage(
    records: Annotated[Path | None, typer.Argument(metavar="[RECORDS]", help="A run: also what it exercised.")] = None,
    as_json: AsJson = False,
) -> int:
    """Say how much of what the specification demands is checked, and how much of it a run came to exercise."""
    from door.coverage import print_coverage

    return print_coverage(records, as_json)


@app.command(rich_help_panel=_RESULTS)
@flattened
def report(making: ReportOptions, records: RecordsFile = Path(".touchstone/records.jsonl")) -> int:
    """Render recorded results again.

    \b
    touchstone report --verbose
    touchstone report .touchstone/records.jsonl --sarif touchstone.sarif --badge-svg badge.svg
    """
    from door.reporting import render

    return render(records, making)


@app.command(rich_help_panel=_RESULTS)
@flattened
def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="A records file.")],
    comparing: ComparingOptions,
    after: Annotated[
        Path | None, typer.Argument(metavar="[B]", help="A later one; without it, both sides of load --versus.")
    ] = None,
) -> int:
    """Say what is worse or better in B than in A, and what cannot be told. Exit code 4 where B is worse.

    \b
    touchstone compare main.jsonl branch.jsonl
    touchstone compare main.jsonl branch.jsonl --markdown comparison.md
    """
    from door.comparing import compare_records

    return compare_records(before, after, comparing)


def _version(wanted: bool) -> None:
    if wanted:
        from door.session import touchstone_version

        typer.echo(f"touchstone {touchstone_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Puts Model Context Protocol servers to the test: conformance, property-based testing and load."""


def main() -> None:
    """Run the command line. Exit codes: `door.errors.Exit`."""
    guarded(lambda: app(prog_name="touchstone", standalone_mode=False))


def guarded(command: Callable[[], object]) -> NoReturn:
    """Run a command and exit as it says; whatever it raises becomes a line and an exit code."""
    from door.errors import Exit, Refusal

    # A shell starts what it puts in the background deaf to SIGINT; we mean to be stopped, and to stop our targets.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        # A polite kill takes the way of Ctrl-C, so that targets are stopped and records completed; so does the end of
        # the terminal, unless nohup has said that it does not matter.
        number = getattr(signal, name, None)
        if number is not None and (name == "SIGTERM" or signal.getsignal(number) is not signal.SIG_IGN):
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    # A target that dies while its event loop is closed concerns nobody: it was to be stopped anyway.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        sys.exit(command())  # type: ignore[arg-type] # a code, or nothing
    except Refusal as refusal:
        _complain(str(refusal))
        sys.exit(refusal.code)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        if isinstance(error, _USAGE):
            if len(sys.argv) == 1:
                error.show()  # nothing was asked for: the help
            else:
                _complain(_in_a_line(error))
            sys.exit(Exit.USAGE)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
            _complain("the output could not be written: no space left on the device")
            sys.exit(Exit.USAGE)
        # Our own fault, never the target's: one line, and the traceback for those who ask.
        if os.environ.get("TOUCHSTONE_DEBUG"):
            raise
        _complain(f"a fault of Touchstone itself: {type(error).__name__}: {error} (TOUCHSTONE_DEBUG=1 shows where)")
        sys.exit(Exit.FAULT)


_USAGE: Any = typer.BadParameter.__mro__[1]
"""What is raised for a wrong command line: typer gives its name to nobody."""


def _in_a_line(error: Any) -> str:
    path = error.ctx.command_path if error.ctx else "touchstone"
    from door.guessing import meant_choice

    said = meant_choice(" ".join(error.format_message().split()).rstrip("."))
    return f"{said}{'' if said.endswith('?') else ';'} {path} --help shows what there is"


def _complain(text: str) -> None:
    from door.terminal import complain

    complain(text)


if __name__ == "__main__":
    main()
