"""The options of the commands, in groups that several commands share, and how a group becomes a signature.

A command takes groups (`def check(target: TargetOptions, output: OutputOptions)`); `flattened` gives typer one
parameter for each field of them, so that no option is written twice.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from door.errors import Refusal
from reports.formats import FORMATS, Format

__all__ = [
    "PRINTED",
    "CheckingOptions",
    "ComparingOptions",
    "FailOn",
    "FuzzingOptions",
    "LoadOptions",
    "MeetingOptions",
    "OutputOptions",
    "ReportOptions",
    "SurveyOptions",
    "TargetOptions",
    "flattened",
]


class FailOn(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """What makes the exit code 1."""

    must = "must"
    should = "should"
    advice = "advice"
    never = "never"


PRINTED = Path("-")
"""The file of a report that goes to standard output."""
_OPTIONS = "options"
"""Metadata of a field that collects several options: a parameter for each, by the name that it collects them under."""


def _report_option(row: Format) -> inspect.Parameter:
    option = f"--{row.name}"
    if row.printed:
        kind, default = Annotated[bool, typer.Option(option, help=row.help)], False
    else:
        kind, default = Annotated[Path | None, typer.Option(option, metavar="FILE", help=row.help)], None
    name = row.name.replace("-", "_")
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


_REPORTS = {_OPTIONS: {name: _report_option(row) for name, row in FORMATS.items()}}
"""Metadata of the field for the reports that are wanted, by format."""
_TARGET_HELP = (
    "A URL, a command after --, or FILE.json#NAME of an mcpServers file. Without it, the target of touchstone.toml."
)


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What is tested, and what may be done to it."""

    target: Annotated[list[str] | None, typer.Argument(metavar="TARGET", help=_TARGET_HELP, show_default=False)] = None
    config: Annotated[
        str | None, typer.Option("--config", metavar="FILE", help="Settings, instead of touchstone.toml.")
    ] = None
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Sent with every request; env:NAME reads one."),
    ] = None
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="The bearer token of a protected URL; env:NAME reads one."),
    ] = None
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", metavar="NAME=VALUE", help="Set for the command; env:NAME copies one."),
    ] = None
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="TOOL", help="May be called although it does not say readOnlyHint."),
    ] = None
    start: Annotated[
        str | None,
        typer.Option(
            "--start", metavar="COMMAND", help="What serves the URL: started first, awaited, stopped at last."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What is written, and when the exit code is 1."""

    records: Annotated[Path, typer.Option("--records", metavar="FILE", help="Where the records go, as JSON Lines.")] = (
        Path(".touchstone/records.jsonl")
    )
    reports: dict[str, Path] = field(default_factory=dict, metadata=_REPORTS)
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="The weakest level whose violation makes the exit code 1.")
    ] = FailOn.must
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Known failures, which do not count; - for none at all."),
    ] = None
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", metavar="FILE", help="Write what fails now as known failures.")
    ] = None
    rules: Annotated[
        str | None,
        typer.Option("--rules", metavar="YYYY.MM", help="Judge as that release did: no check that is newer counts."),
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Repeat the random choices of an earlier run.")
    ] = None
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every piece of evidence.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone.")] = False


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is made of records that were written before."""

    form: Annotated[
        str | None,
        typer.Option(
            "--format", "-f", metavar="FORMAT", help=f"What to make of it: {', '.join(['console', *FORMATS])}."
        ),
    ] = None
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of the terminal.")] = (
        None
    )
    reports: dict[str, Path] = field(default_factory=dict, metadata=_REPORTS)
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Known failures to hold them against.")
    ] = None
    fail_on: Annotated[
        FailOn | None, typer.Option("--fail-on", help="The weakest level that counts, instead of the run's own.")
    ] = None
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="In the terminal, every piece of evidence and every cause.")
    ] = False


@dataclass(frozen=True, slots=True)
class ComparingOptions:
    """How two runs are compared, and where it is written."""

    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown, for a job or a comment.")
    ] = None
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="The weakest level whose new failure makes B worse.")] = (
        FailOn.must
    )
    margin: Annotated[
        float,
        typer.Option("--margin", metavar="PERCENT", min=0, help="Figures of load that differ by less are not told."),
    ] = 5.0
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of the draws that the intervals come from.")
    ] = 0


@dataclass(frozen=True, slots=True)
class CheckingOptions:
    """Which checks run, and how patiently."""

    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help="Run these alone; 'tools.*' is a pattern.")
    ] = None
    revision: Annotated[
        list[str] | None, typer.Option("--revision", metavar="DATE", help="Test at these revisions alone.")
    ] = None
    patience: Annotated[
        float, typer.Option("--patience", metavar="SECONDS", min=0.1, help="The longest wait for one answer.")
    ] = 15.0
    deadline: Annotated[
        float,
        typer.Option("--deadline", metavar="SECONDS", min=1, help="The longest that the checks of a revision take."),
    ] = 600.0


@dataclass(frozen=True, slots=True)
class SurveyOptions:
    """How many targets are judged at the same time, and where the results go."""

    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the matrix and all reports go.")
    ] = Path(".touchstone/survey")
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Targets at the same time.")] = 2
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what is done there of targets whose settings are the same.")
    ] = False
    target_deadline: Annotated[
        float,
        typer.Option("--target-deadline", metavar="SECONDS", min=1, help="The longest that one target may take."),
    ] = 900.0
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="The weakest level whose violation makes the exit code 1.")
    ] = FailOn.must
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Repeat the random choices of an earlier survey.")
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False


class Arrivals(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """How calls that wait for nobody are spread over time."""

    constant = "constant"
    poisson = "poisson"


class ClientTransport(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """How a client speaks."""

    http = "http"
    stdio = "stdio"
    sse = "sse"
    ws = "ws"


@dataclass(frozen=True, slots=True)
class MeetingOptions:
    """How a client meets the scripted servers, and in which scenarios."""

    stdio: Annotated[bool, typer.Option("--stdio", help="Short for --transport stdio: the client starts it.")] = False
    transport: Annotated[
        ClientTransport | None,
        typer.Option("--transport", help="How the client speaks; over all but stdio it is given a URL. [http]"),
    ] = None
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", metavar="NAME", help="Play these alone, beside the plain one.")
    ] = None


@dataclass(frozen=True, slots=True)
class FuzzingOptions:
    """How much is generated and for how long, and whether attacks are tried."""

    examples: Annotated[
        int | None,
        typer.Option(
            "--examples",
            metavar="N",
            min=1,
            help="Draws of each property at each revision, relatives apart. [50; all that fit with --seconds alone]",
        ),
    ] = None
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            metavar="N",
            min=0.1,
            help="How long the search takes in all, shared by all properties; with --examples, whichever ends first.",
        ),
    ] = None
    active: Annotated[
        bool,
        typer.Option("--active", help="Try attacks too, on tools that are read-only or allowed. Your own targets!"),
    ] = False
    sandbox: Annotated[
        Path | None,
        typer.Option("--sandbox", metavar="DIR", help="With --active: the only directory that the target may touch."),
    ] = None


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What load is made, and what is expected of the target under it."""

    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            metavar="SECONDS",
            min=0.5,
            help="How long the load lasts. [5, as long as its --shape, or 60 for --find-capacity]",
        ),
    ] = None
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="N", min=0.1, help="Calls a second, whatever the target does (open model)."),
    ] = None
    users: Annotated[
        int | None, typer.Option("--users", metavar="N", min=1, help="Users that call in turn (closed model). [8]")
    ] = None
    shape: Annotated[
        str | None,
        typer.Option(
            "--shape",
            metavar="SHAPE",
            help="How the rate changes, or 'users' and how their number does: 'ramp 10..200 over 30s', "
            "'steps 50,100,200 each 10s', 'spike 50 to 500 for 5s after 10s'.",
        ),
    ] = None
    arrivals: Annotated[
        Arrivals | None,
        typer.Option("--arrivals", help="Calls at even distances, or at random ones. [constant]"),
    ] = None
    think: Annotated[
        float | None,
        typer.Option("--think", metavar="SECONDS", min=0, help="How long a user pauses after an answer. [0]"),
    ] = None
    warm_up: Annotated[
        float,
        typer.Option("--warm-up", metavar="SECONDS", min=0, help="How long calls are made before any counts."),
    ] = 0.5
    find_capacity: Annotated[
        bool,
        typer.Option("--find-capacity", help="Search for the highest rate that meets the objectives."),
    ] = False
    slo: Annotated[
        list[str] | None,
        typer.Option(
            "--slo",
            metavar="OBJECTIVE",
            help="Such as 'p99<100ms', 'errors<0.1%' or 'rate>200/s'; of an operation: 'search: p99<50ms'.",
        ),
    ] = None
    tool: Annotated[
        list[str] | None,
        typer.Option(
            "--tool",
            metavar="TOOL[=WEIGHT]",
            help="The tool to call, or several and how often each; default: one that is read-only.",
        ),
    ] = None
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="What the load does; touchstone load --list shows all. [steady, or the mix of touchstone.toml]",
        ),
    ] = None
    recording: Annotated[
        str | None,
        typer.Option(
            "--recording",
            metavar="FILE[#CHECK]",
            help="What --scenario replay plays: records (of that check or property), a HAR file, or messages.",
        ),
    ] = None


def flattened(command: Callable[..., int]) -> Callable[..., None]:
    """Return `command` as typer wants it: fields of its groups as parameters, its result as the exit code."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    own = [
        parameter.replace(annotation=_shown(hints[name]))
        for name, parameter in inspect.signature(command).parameters.items()
        if name not in groups
    ]
    spread = [parameter for group in groups.values() for parameter in _parameters(group)]

    @functools.wraps(command)
    def call(**values: Any) -> None:
        for name, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise Refusal(f"--{name.replace('_', '-')} is a number, and ends")
        arguments = {
            name: group(**{item.name: _taken(item, values) for item in fields(group)}) for name, group in groups.items()
        }
        raise typer.Exit(command(**arguments, **values))

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *spread)]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # functions take one
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del call.__wrapped__  # inspect would follow it to the old signature
    return call


# `Any`: values of all options, whatever their types.
def _taken(item: Field[Any], values: dict[str, Any]) -> Any:
    """Return the value of a field, or of each of the options that it collects, as far as they were given."""
    if _OPTIONS not in item.metadata:
        return values.pop(item.name)
    given = {name: values.pop(parameter.name) for name, parameter in item.metadata[_OPTIONS].items()}
    return {name: PRINTED if value is True else value for name, value in given.items() if value}


def _parameters(group: Any) -> Iterator[inspect.Parameter]:
    """Yield the parameters of a group, which has a panel of its own in the help."""
    hints = get_type_hints(group, include_extras=True)
    panel = f"{group.__name__.removesuffix('Options')} options"
    for item in fields(group):
        if _OPTIONS in item.metadata:
            for parameter in item.metadata[_OPTIONS].values():
                yield parameter.replace(annotation=_shown(parameter.annotation, panel))
            continue
        yield inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if item.default is MISSING else item.default,
            annotation=_shown(hints[item.name], panel),
        )


# `Any`: an annotation.
def _shown(annotation: Any, panel: str | None = None) -> Any:
    """Return the annotation of an option for the help: in a panel, and with brackets that are no markup."""
    if get_origin(annotation) is not Annotated:
        return annotation
    info = copy(annotation.__metadata__[0])
    info.help = (info.help or "").replace("[", r"\[")
    if isinstance(info, OptionInfo):
        info.rich_help_panel = panel
        info.metavar = info.metavar or ("" if annotation.__origin__ is bool else None)
    return Annotated[annotation.__origin__, info]
