"""One run of a command, from its header to its footer: records as they fall, reports at the end, an exit code.

Whatever happens in between (an exception, Ctrl-C, a target that cannot be reached), what was found is kept and
rendered, and the footer says how complete it is.
"""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from rich.console import Console

from conformance.target import Target, shown
from door.errors import Exit, Refusal
from reports import RENDERERS
from reports.console import render_console
from reports.junit import render_junit
from reports.records import FailOn, Finding, Header, Load, Run, Verdict, Writer, conclude
from reports.records import Target as TargetRow

__all__ = ["HOME", "Output", "Session", "describe", "touchstone_version"]

HOME = Path(".touchstone")
"""Where records, reports and stored examples go, below the working directory."""

Row = Verdict | Finding | Load


@dataclass(frozen=True, slots=True)
class Output:
    """Where the results go. `reports` maps a renderer's name to the file it writes."""

    records: Path = HOME / "records.jsonl"
    reports: dict[str, Path] = field(default_factory=dict)
    fail_on: FailOn = "must"
    verbose: bool = False
    console: Console = field(default_factory=Console)


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

    def __init__(self, command: str, target: TargetRow, output: Output, *, seed: int, secrets: tuple[str, ...]) -> None:
        self.exit = Exit.PASSED
        self._output = output
        self._started = time.monotonic()
        self._secrets = secrets
        self._rows: list[Row] = []
        self._failure: Refusal | None = None
        self._header = Header(
            touchstone=touchstone_version(),
            command=command,
            target=target,
            revisions=(),
            seed=seed,
            started=datetime.now(UTC),
            environment={
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.release()}",
                "machine": platform.machine(),
            },
        )

    def __enter__(self) -> Self:
        self._writer: Writer | None = None
        return self

    def target(self, target: TargetRow, revisions: tuple[str, ...]) -> None:
        """Take what was learned of the target, before the first row is written."""
        if self._writer is None:
            known = self._header.target if target.address != self._header.target.address else target
            self._header = msgspec.structs.replace(self._header, target=known, revisions=revisions)

    def record(self, row: Row) -> None:
        """Write a row."""
        # What is rendered is the row as written: secrets are gone from it.
        writer = self._open()
        match row:
            case Verdict():
                self._rows.append(writer.append(row))
            case Finding():
                self._rows.append(writer.append(row))
            case Load():
                self._rows.append(writer.append(row))

    def _open(self) -> Writer:
        if self._writer is None:
            try:
                self._output.records.parent.mkdir(parents=True, exist_ok=True)
                self._writer = Writer(self._output.records, self._secrets)
            except OSError as error:
                raise Refusal(f"{self._output.records}: {(error.strerror or 'cannot be written').lower()}") from None
            self._header = self._writer.append(self._header)
        return self._writer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        if error is not None and not interrupted and not isinstance(error, Refusal):
            self._close()
            return False
        if isinstance(error, Refusal):
            self._failure = error
        self._conclude(interrupted)
        return True

    def _conclude(self, interrupted: bool) -> None:
        run = self._run()
        footer = conclude(
            run,
            seconds=round(time.monotonic() - self._started, 3),
            fail_on=self._output.fail_on,
            interrupted=interrupted or self._failure is not None,
        )
        self.exit = self._code(Exit(footer.exit), interrupted)
        if self._failure is None or self._rows:
            self._open().append(footer)
            self._close()
            self._render(replace(self._run(), footer=footer))
        if self._failure is not None:
            sys.stderr.write(f"touchstone: {self._failure}\n")

    def _code(self, of_rows: Exit, interrupted: bool) -> Exit:
        if of_rows in (Exit.FAILED, Exit.FAULT):
            return of_rows
        if self._failure is not None:
            return self._failure.code
        return Exit.INTERRUPTED if interrupted else of_rows

    def _run(self) -> Run:
        return Run(
            self._header,
            tuple(row for row in self._rows if isinstance(row, Verdict)),
            tuple(row for row in self._rows if isinstance(row, Finding)),
            tuple(row for row in self._rows if isinstance(row, Load)),
        )

    def _render(self, run: Run) -> None:
        render_console(run, self._output.console, verbose=self._output.verbose)
        for name, path in self._output.reports.items():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self._render_as(name, run), "utf-8")
            except OSError as error:
                self._failure = Refusal(f"{path}: {(error.strerror or 'cannot be written').lower()}")
                self.exit = max(self.exit, Exit.USAGE)
            else:
                self._output.console.print(f"{name} report: {path}", markup=False, highlight=False, soft_wrap=True)

    def _render_as(self, name: str, run: Run) -> str:
        # Only JUnit has a colour for a failure that does not count.
        return render_junit(run, self._output.fail_on) if name == "junit" else RENDERERS[name](run)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
