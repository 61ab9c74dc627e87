"""One run of a command, from its header to its footer: records as they fall, reports at the end, an exit code.

Whatever happens in between (an exception, Ctrl-C, a target that cannot be reached), what was found is kept and
rendered, and the footer says how complete it is.
"""

from __future__ import annotations

import os
import platform
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from conformance.rulesets import RuleSet, named
from conformance.target import Target, shown
from door.baselines import Renewal, baseline_of
from door.errors import Exit, Refusal
from door.naming import Named
from door.options import PRINTED, CheckingOptions, OutputOptions
from door.report_files import no_commands, try_to_write, write_report
from door.terminal import Terminal, complain
from door.traffic import watched
from reports.baseline import Baseline
from reports.console import render_console, render_verdict
from reports.formats import FORMATS
from reports.records import (
    Exchange,
    FailOn,
    Finding,
    Footer,
    Header,
    Judgement,
    Load,
    Run,
    Surface,
    Verdict,
    Writer,
    conclude,
    exit_code,
)
from reports.records import Target as TargetRow
from reports.redaction import redact

__all__ = ["HOME", "Output", "Session", "describe", "touchstone_version"]

HOME = Path(".touchstone")
"""Where records, reports and stored examples go, below the working directory."""

Row = Verdict | Finding | Surface | Load | Exchange


@dataclass(frozen=True, slots=True)
class Output:
    """Where the results go, and what they are held against. `reports` maps a renderer's name to the file it writes."""

    records: Path = HOME / "records.jsonl"
    reports: dict[str, Path] = field(default_factory=dict)
    fail_on: FailOn = "must"
    verbose: bool = False
    quiet: bool = False
    baseline: Baseline | None = None
    renewal: Renewal | None = None
    rules: RuleSet | None = None
    console: Terminal = field(default_factory=Terminal)

    @classmethod
    def of(cls, options: OutputOptions, checking: CheckingOptions, baseline: str | None, rules: str | None) -> Output:
        """Read the options; `baseline` and `rules` are those of the settings file. Raises `Refusal` for what cannot be
        used."""
        return cls(
            records=options.records,
            reports=options.reports,
            fail_on=options.fail_on.value,
            verbose=options.verbose,
            quiet=options.quiet,
            baseline=baseline_of(options, checking, baseline),
            renewal=None if options.write_baseline is None else Renewal(options.write_baseline),
            rules=_rule_set(options.rules or rules),
        )


def _rule_set(name: str | None) -> RuleSet | None:
    try:
        return None if name is None else named(name)
    except LookupError as error:
        raise Refusal(f"--rules: {error.args[0]}") from None


def touchstone_version() -> str:
    """Return the installed version."""
    try:
        return version("mcp-touchstone")
    except PackageNotFoundError:
        return "unknown"


def describe(target: Target, implementation: str | None = None) -> TargetRow:
    """Return a target as the header of the records holds it."""
    address = shown(target)
    return TargetRow(
        name=implementation or address.removeprefix("-- "),
        transport=target.transport,
        address=address.removeprefix("-- "),
        implementation=implementation,
    )


class Session:
    """A context in which rows are recorded; leaving it writes footer and reports. `exit` is the command's code."""

    def __init__(
        self,
        command: str,
        target: TargetRow,
        output: Output,
        *,
        seed: int,
        secrets: tuple[str, ...],
        named: Named | None = None,
    ) -> None:
        self.exit = Exit.PASSED
        self.worse = ""
        """What is worse in what was recorded than in what it was compared with; empty where nothing is."""
        self._output = output
        self._named = named or Named()
        self._started = time.monotonic()
        self._secrets = secrets
        self._rows: list[Row] = []
        self._left_out = 0
        self._failures: list[Refusal] = []
        self._begun = False
        self._watching = ExitStack()
        self._early: list[Exchange] = []
        self._baseline = output.baseline
        self._header = Header(
            touchstone=touchstone_version(),
            command=command,
            target=msgspec.structs.replace(target, given=self._named.given),
            revisions=(),
            seed=seed,
            started=datetime.now(UTC),
            rules=None if output.rules is None else output.rules.name,
            environment={
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.release()}",
                "machine": platform.machine(),
                "processors": str(os.cpu_count() or "unknown"),
            },
        )

    @property
    def seed(self) -> int:
        """What all chance follows from."""
        return self._header.seed or 0

    @property
    def records(self) -> Path:
        """Where the rows go."""
        return self._output.records

    def __enter__(self) -> Self:
        # Now, so that nobody waits for a run whose results cannot be kept.
        for path in self._output.reports.values():
            try_to_write(path)
        try:
            self._output.records.parent.mkdir(parents=True, exist_ok=True)
            self._writer = Writer(self._output.records, self._secrets)
        except OSError as error:
            raise self._unwritable(error) from None
        if any(FORMATS[name].traffic for name in self._output.reports):
            self._watching.enter_context(watched(self._keep))
        return self

    def _unwritable(self, error: OSError) -> Refusal:
        return Refusal(f"{self._output.records}: {(error.strerror or 'cannot be written').lower()}")

    def target(self, target: TargetRow, revisions: tuple[str, ...]) -> None:
        """Take what was learned of the target, before the first row is written."""
        if not self._begun:
            known = self._header.target if target.address != self._header.target.address else target
            known = msgspec.structs.replace(known, given=self._named.given)
            self._header = msgspec.structs.replace(self._header, target=known, revisions=revisions)

    def record(self, row: Row) -> Row:
        """Write a row and return it as it was written, without secrets; one that the rules do not know is left out.

        Raises `Refusal` if it cannot be written.
        """
        if self._output.rules is not None and isinstance(row, Judgement):
            level = self._output.rules.level(row.check, row.level)
            if level is None:
                self._left_out += 1
                return row
            row = msgspec.structs.replace(row, level=level)
        # What is rendered is the row as written: secrets are gone from it.
        try:
            self._begin()
            written = self._append(row)
        except OSError as error:
            raise self._unwritable(error) from None
        self._rows.append(written)
        return written

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._header = self._writer.append(self._header)
            self._rows += [self._writer.append(exchange) for exchange in self._early]

    def _keep(self, exchange: Exchange) -> None:
        """Write an exchange, or wait with it until the header is written, which says what was learned of the target."""
        if not self._begun:
            self._early.append(exchange)
            return
        with suppress(Refusal):  # what cannot be written now, the next row tells
            self.record(exchange)

    def _append(self, row: Row) -> Row:
        match row:
            case Verdict():
                return self._writer.append(msgspec.structs.replace(row, repeat=self._repeat(row)))
            case Finding():
                return self._writer.append(msgspec.structs.replace(row, repeat=self._repeat(row)))
            case Load():
                return self._writer.append(row)
            case Surface():
                return self._writer.append(row)
            case Exchange():
                return self._writer.append(row)

    def _repeat(self, row: Judgement) -> str:
        return row.repeat and self._named.again(row.repeat, row.revision, row.check)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        interrupted = isinstance(error, KeyboardInterrupt)
        expected = error is None or interrupted or isinstance(error, Refusal)
        if isinstance(error, Refusal):
            self._failures.append(error)
        elif not expected:
            self.exit = Exit.FAULT
        try:
            self._watching.close()
            if self._early:
                with suppress(OSError):  # told of by the footer
                    self._begin()
            self._conclude(interrupted, cut_short=error is not None)
        finally:
            self._writer.close()
        return expected

    def _conclude(self, interrupted: bool, *, cut_short: bool) -> None:
        run = self._run()
        seconds = round(time.monotonic() - self._started, 3)
        footer = conclude(run, seconds=seconds, fail_on=self._output.fail_on, interrupted=cut_short)
        if self._output.renewal is not None:
            footer = self._renew(self._output.renewal, run, footer)
        self.exit = self._code(Exit(footer.exit), interrupted)
        if self.worse and self.exit == Exit.PASSED:
            self.exit = Exit.WORSE
        footer = msgspec.structs.replace(
            footer, exit=int(self.exit), interrupted=interrupted, ended=self._ended(cut_short), worse=self.worse
        )
        try:
            self._begin()
            self._writer.append(footer)
        except OSError as error:
            self._failures.append(self._unwritable(error))
            self.exit = self._code(self.exit, interrupted)
        self._render(replace(run, header=self._header, footer=footer, baseline=self._baseline))
        for failure in self._failures:
            complain(redact(str(failure), self._secrets))

    def _ended(self, cut_short: bool) -> str:
        """Return why the run was over before its end; empty where it was not, or where somebody stopped it."""
        return redact(str(self._failures[0]), self._secrets) if cut_short and self._failures else ""

    def _renew(self, renewal: Renewal, run: Run, footer: Footer) -> Footer:
        """Write the baseline anew and return the footer of the run as it stands against that."""
        run = replace(run, footer=footer)
        try:
            run = renewal.write(run, self._output.fail_on)
        except Refusal as error:
            self._failures.append(error)
        self._baseline = run.baseline
        return msgspec.structs.replace(footer, exit=exit_code(run, self._output.fail_on))

    def _code(self, of_rows: Exit, interrupted: bool) -> Exit:
        """Return the exit code: a violation that was found stands, whatever else went wrong."""
        if of_rows in (Exit.FAILED, Exit.WORSE):
            return of_rows
        if Exit.FAULT in (of_rows, self.exit):
            return Exit.FAULT
        if self._failures:
            return self._failures[0].code
        return Exit.INTERRUPTED if interrupted else of_rows

    def _run(self) -> Run:
        return Run(
            self._header,
            tuple(row for row in self._rows if isinstance(row, Verdict)),
            tuple(row for row in self._rows if isinstance(row, Finding)),
            tuple(row for row in self._rows if isinstance(row, Load)),
            baseline=self._baseline,
            fail_on=self._output.fail_on,
            exchanges=tuple(row for row in self._rows if isinstance(row, Exchange)),
            surfaces=tuple(row for row in self._rows if isinstance(row, Surface)),
        )

    def _render(self, run: Run) -> None:
        # Where nothing was judged, why is all there is to tell; but who reads a file finds no report of an earlier run.
        if run.judgements or run.loads or not self._failures:
            self._show(run)
        for name, path in self._output.reports.items():
            self._write(name, run, path)

    @property
    def _brief(self) -> bool:
        """Whether the verdict is all that is printed; --quiet beside --verbose silences the progress alone."""
        return self._output.quiet and not self._output.verbose

    def _show(self, run: Run) -> None:
        with no_commands(self._output.reports):
            if self._brief:
                render_verdict(run, self._output.console)
                return
            render_console(run, self._output.console, verbose=self._output.verbose)
        if self._left_out and self._output.rules is not None:
            newer = f"{self._left_out} verdicts of checks that are newer than the rules {self._output.rules.name}"
            self._output.console.print(f"{newer} are left out", markup=False, highlight=False)

    def _write(self, name: str, run: Run, path: Path) -> None:
        try:
            write_report(name, run, path)
        except Refusal as error:
            self._failures.append(error)
            self.exit = self._code(self.exit, interrupted=False)
            return
        if path != PRINTED and not self._brief:
            self._output.console.print(f"{name} report: {path}", markup=False, highlight=False, soft_wrap=True)
